import { Link, Outlet } from "@tanstack/react-router";
import { LayoutDashboard, List, RotateCcw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useLive } from "../data/use-live.js";
import { useView } from "../data/view.js";
import { NodePanel } from "../features/node-panel/node-panel.js";
import { LiveMark } from "../features/top-bar/live-mark.js";
import { PostureLine } from "../features/top-bar/posture-line.js";
import { Preferences } from "../features/top-bar/preferences.js";
import { RegionChoice, ScopeChoice } from "../features/top-bar/view-controls.js";
import { ConnectionNotice } from "./connection-notice.js";
import { Mark } from "./mark.js";
import styles from "./shell.module.css";
import { useShortcuts } from "./use-shortcuts.js";

const PAGES = [
  { to: "/", key: "app.overview", Icon: LayoutDashboard },
  { to: "/inventory", key: "app.inventory", Icon: List },
  { to: "/recovery", key: "app.recovery", Icon: RotateCcw },
] as const;

/** The frame around every page: rail, top bar, page, and the panel of the chosen probe. */
export function Shell() {
  const { t } = useTranslation();
  const { view } = useView();
  useLive();
  useShortcuts();
  return (
    <div className={styles.shell} data-panel={view.node !== null}>
      <a className={styles.skip} href="#content">
        {t("app.skip")}
      </a>
      <nav className={styles.rail} aria-label={t("app.navigation")}>
        <Mark />
        {PAGES.map(({ to, key, Icon }) => (
          <Link
            key={to}
            to={to}
            search={true}
            className={styles.page}
            activeOptions={{ exact: true, includeSearch: false }}
            aria-label={t(key)}
          >
            <Icon size={20} aria-hidden="true" />
            <span className={styles.pageName}>{t(key)}</span>
          </Link>
        ))}
      </nav>
      <header className={styles.bar}>
        <PostureLine />
        <div className={styles.live}>
          <LiveMark />
        </div>
        <div className={styles.controls}>
          <ScopeChoice />
          <RegionChoice />
          <Preferences />
        </div>
      </header>
      <main id="content" className={styles.content} tabIndex={-1}>
        <Outlet />
      </main>
      {view.node !== null && <NodePanel key={view.node} nodeId={view.node} />}
      <ConnectionNotice />
    </div>
  );
}
