import { useEffect, useState } from "react";
import { copyText } from "./clipboard";
import { IconButton } from "./controls";
import { CopyIcon } from "./icons";

type Props = { text: string; label: string };

export function CopyButton({ text, label }: Props) {
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (!copied) return;
    const timer = window.setTimeout(() => setCopied(false), 1200);
    return () => window.clearTimeout(timer);
  }, [copied]);

  return (
    <IconButton
      label={copied ? "Copied" : label}
      onClick={async () => setCopied(await copyText(text))}
      className={copied ? "text-accent" : ""}
    >
      <CopyIcon className="size-3.5" />
    </IconButton>
  );
}
