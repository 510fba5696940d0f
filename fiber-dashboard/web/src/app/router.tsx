import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { readSearch } from "../data/view.js";
import { CrashScreen, NoPage } from "./fallbacks.js";
import { InventoryPage } from "./inventory-page.js";
import { OverviewPage } from "./overview-page.js";
import { RecoveryPage } from "./recovery-page.js";
import { Shell } from "./shell.js";

const root = createRootRoute({
  component: Shell,
  validateSearch: readSearch,
  errorComponent: CrashScreen,
  notFoundComponent: NoPage,
});

const routes = root.addChildren([
  createRoute({ getParentRoute: () => root, path: "/", component: OverviewPage }),
  createRoute({ getParentRoute: () => root, path: "/inventory", component: InventoryPage }),
  createRoute({ getParentRoute: () => root, path: "/recovery", component: RecoveryPage }),
]);

/** The app's pages; the address's search is the view (data/view.ts). */
export function createAppRouter() {
  return createRouter({ routeTree: routes, scrollRestoration: true });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
