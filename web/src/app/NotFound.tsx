import { Link } from "@tanstack/react-router";
import { BUTTON_CLASS } from "@/ui/controls";
import { EmptyState } from "@/ui/states";

export function NotFound() {
  return (
    <EmptyState
      title="There is no such page"
      actions={
        <Link to="/services" className={BUTTON_CLASS}>
          Go to the services
        </Link>
      }
    >
      The address may be mistyped.
    </EmptyState>
  );
}
