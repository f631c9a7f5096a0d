import type { ReactNode } from "react";
import { ApiError } from "@/api/client";
import { useServerStatus } from "@/api/queries";
import { Button } from "./controls";
import { ErrorIcon } from "./icons";

type EmptyProps = { title: string; children?: ReactNode; actions?: ReactNode };

/** Why there is nothing, and the next step. */
export function EmptyState({ title, children, actions }: EmptyProps) {
  return (
    <section
      aria-label={title}
      className="mx-auto flex max-w-xl flex-col items-center gap-2 px-6 py-14 text-center"
    >
      <h2 className="font-semibold text-[14px]">{title}</h2>
      {children ? <div className="text-muted">{children}</div> : null}
      {actions ? <div className="mt-2 flex flex-wrap justify-center gap-2">{actions}</div> : null}
    </section>
  );
}

type ErrorProps = { what: string; error: unknown; onRetry: () => void };

/** What failed and why, with a way to try again. */
export function ErrorState({ what, error, onRetry }: ErrorProps) {
  const hint = error instanceof ApiError ? error.hint : null;
  return (
    <div
      role="alert"
      className="m-3 flex items-start gap-2 rounded-md border border-error/40 bg-error-soft px-3 py-2"
    >
      <ErrorIcon className="mt-0.5 size-4 shrink-0 text-error" />
      <div className="min-w-0 grow">
        <div className="font-medium">{what}</div>
        <div className="break-words text-muted">
          {error instanceof Error ? error.message : String(error)}
          {hint ? ` ${hint}` : ""}
        </div>
      </div>
      <Button onClick={onRetry}>Try again</Button>
    </div>
  );
}

/** Grey rows shaped like the list to come. */
export function SkeletonRows({ rows = 12, height = 28 }: { rows?: number; height?: number }) {
  return (
    <div role="status" aria-label="Loading" className="w-full">
      {Array.from({ length: rows }, (_, row) => (
        <div
          // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike.
          key={row}
          className="flex items-center gap-4 border-line border-b px-3"
          style={{ height }}
        >
          <span className="skeleton h-2.5 grow" style={{ maxWidth: `${46 - ((row * 7) % 20)}%` }} />
          <span className="grow" />
          <span className="skeleton h-2.5 w-16" />
          <span className="skeleton h-2.5 w-12" />
        </div>
      ))}
    </div>
  );
}

export function SkeletonBlock({ className }: { className: string }) {
  return <div role="status" aria-label="Loading" className={`skeleton ${className}`} />;
}

/** Where to send telemetry: the step that an empty Signalbox asks for. */
export function SendDataHint() {
  // One certificate serves all ports: telemetry goes the way this page came.
  const { protocol, hostname } = window.location;
  const { data: server } = useServerStatus();
  if (!server) return null;
  return (
    <div className="mt-3 w-full text-left">
      <p className="mb-2 text-muted">
        Point any OpenTelemetry SDK or collector at this server; it needs no key and no set-up.
      </p>
      <pre className="overflow-x-auto rounded-md border border-line bg-sunken p-3 font-mono text-[12px] text-fg leading-5">
        {`# OTLP over gRPC
export OTEL_EXPORTER_OTLP_ENDPOINT=${protocol}//${hostname}:${server.otlp_grpc_port}
export OTEL_EXPORTER_OTLP_PROTOCOL=grpc

# or OTLP over HTTP, protobuf or JSON
export OTEL_EXPORTER_OTLP_ENDPOINT=${protocol}//${hostname}:${server.otlp_http_port}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`}
      </pre>
    </div>
  );
}
