import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { NotFound } from "./NotFound";
import { Root } from "./Root";
import { parseSearch, pick, stringifySearch } from "./search";

const rootRoute = createRootRoute({
  component: Root,
  notFoundComponent: NotFound,
  validateSearch: pick("range", "start", "end", "live"),
});

const indexRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  beforeLoad: ({ search }) => {
    throw redirect({ to: "/services", search, replace: true });
  },
});

export const servicesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/services",
  validateSearch: pick("q", "sort"),
  component: lazyRouteComponent(() => import("@/features/services/ServicesPage"), "ServicesPage"),
});

export const tracesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/traces",
  validateSearch: pick("q", "order"),
  component: lazyRouteComponent(() => import("@/features/traces/TracesPage"), "TracesPage"),
});

export const traceRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/traces/$traceId",
  validateSearch: pick("span", "tab", "q", "errors", "color"),
  component: lazyRouteComponent(() => import("@/features/trace/TracePage"), "TracePage"),
});

export const logsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/logs",
  validateSearch: pick("q", "severity", "order", "log"),
  component: lazyRouteComponent(() => import("@/features/logs/LogsPage"), "LogsPage"),
});

export const metricsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/metrics",
  validateSearch: pick("q", "metric", "type", "agg", "by", "only"),
  component: lazyRouteComponent(() => import("@/features/metrics/MetricsPage"), "MetricsPage"),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    indexRoute,
    servicesRoute,
    tracesRoute,
    traceRoute,
    logsRoute,
    metricsRoute,
  ]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultPendingMinMs: 0,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
