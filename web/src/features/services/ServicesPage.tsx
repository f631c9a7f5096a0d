import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useServices } from "@/api/queries";
import { useAnchor } from "@/app/clock";
import { useKeys } from "@/app/keys";
import { Page } from "@/app/Page";
import { useTime, useTimeSearch } from "@/app/useTime";
import { WidenButton } from "@/app/WidenButton";
import { condition } from "@/lib/filter";
import { plural } from "@/lib/format";
import { Button } from "@/ui/controls";
import { EmptyState, ErrorState, SendDataHint, SkeletonRows } from "@/ui/states";
import { useLatest } from "@/ui/useLatest";
import { ServiceTable } from "./ServiceTable";
import { parseSort, sortServices, writeSort } from "./sort";

/** All services with rate, errors and duration; worst first. */
export function ServicesPage() {
  const { q = "", sort: sortText } = useSearch({ from: "/services" });
  const { interval } = useTime();
  const timeSearch = useTimeSearch();
  const navigate = useNavigate({ from: "/services" });
  const now = useAnchor();
  const services = useServices(interval);
  const data = useLatest(services.data);
  const [selected, setSelected] = useState(-1);
  const sort = parseSort(sortText);

  const shown = useMemo(() => {
    const wanted = q.trim().toLowerCase();
    const all = data?.services ?? [];
    return sortServices(
      wanted ? all.filter(({ name }) => name.toLowerCase().includes(wanted)) : all,
      sort,
    );
  }, [data, q, sort]);

  function move(step: number): void {
    setSelected((old) => Math.max(0, Math.min(shown.length - 1, old + step)));
  }

  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => {
      const service = shown[selected];
      if (!service) return false;
      void navigate({
        to: "/traces",
        search: { ...timeSearch, q: condition("service.name", "=", service.name) },
      });
    },
  });

  const setFilter = (next: string) =>
    void navigate({ search: (old) => ({ ...old, q: next }), replace: true });

  return (
    <Page
      title="Services"
      query={{
        label: "Filter services",
        placeholder: "Filter services by name",
        value: q,
        onSubmit: setFilter,
        immediate: true,
      }}
      busy={services.isFetching}
      stats={data?.stats}
      summary={data ? plural(shown.length, "service") : ""}
    >
      {services.error ? (
        <ErrorState
          what="The services could not be loaded."
          error={services.error}
          onRetry={() => void services.refetch()}
        />
      ) : null}
      <div className="min-h-0 grow overflow-auto">
        {services.isPending && !data ? <SkeletonRows rows={8} height={36} /> : null}
        {data && shown.length > 0 ? (
          <ServiceTable
            services={shown}
            sort={sort}
            selected={selected}
            now={now}
            apdexNs={Number(data.apdex_threshold_ns)}
            dimmed={services.isPlaceholderData || services.isError}
            timeSearch={timeSearch}
            onSort={(next) =>
              void navigate({
                search: (old) => ({ ...old, sort: writeSort(next) }),
                replace: true,
              })
            }
          />
        ) : null}
        {data && shown.length === 0 ? (
          data.services.length > 0 ? (
            <EmptyState
              title={`No service is named like “${q}”`}
              actions={<Button onClick={() => setFilter("")}>Clear the filter</Button>}
            />
          ) : (
            <EmptyState title="Nothing arrived in this time range" actions={<WidenButton />}>
              <SendDataHint />
            </EmptyState>
          )
        ) : null}
      </div>
    </Page>
  );
}
