import { useQuery } from "@tanstack/react-query";
import { History } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { RunSummary } from "#contracts";
import { runsQuery } from "../../data/queries.js";
import { useRunsLive } from "../../data/use-runs-live.js";
import { Bone } from "../../ui/bone.js";
import { Failure } from "../../ui/failure.js";
import { duration } from "../../ui/format.js";
import { Command, Message } from "../../ui/message.js";
import { Panel } from "../../ui/panel.js";
import { useNow } from "../../ui/use-now.js";
import { RunSteps } from "./run-steps.js";
import styles from "./runs-panel.module.css";

/** Deploys and rollbacks, newest first; the one that goes on, or the newest, with its steps. */
export function RunsPanel({ className }: { className?: string | undefined }) {
  const { t } = useTranslation();
  const runs = useQuery(runsQuery);
  const live = useRunsLive();
  return (
    <Panel
      id="runs"
      title={t("recovery.runs")}
      note={runs.data !== undefined && t(live ? "recovery.live" : "recovery.notLive")}
      className={className}
      flush
    >
      {runs.data !== undefined ? (
        <Runs runs={runs.data} />
      ) : runs.error ? (
        <Failure error={runs.error} retry={() => void runs.refetch()} />
      ) : (
        <div className={styles.waiting}>
          <Bone height="52px" />
          <Bone height="52px" />
          <Bone height="52px" />
        </div>
      )}
    </Panel>
  );
}

function Runs({ runs }: { runs: readonly RunSummary[] }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<string | null | undefined>(undefined);
  if (runs.length === 0) {
    return (
      <Message title={t("recovery.noRuns")} icon={<History size={24} aria-hidden="true" />}>
        <p>{t("recovery.noRunsWhy")}</p>
        <Command line={t("recovery.deployCommand")} />
      </Message>
    );
  }
  const shown = chosen === undefined ? (runs.find((run) => run.resumable) ?? runs[0])?.id : chosen;
  return (
    <ul className={styles.list}>
      {runs.map((run) => (
        <li key={run.id} data-row>
          <RunRow
            run={run}
            open={run.id === shown}
            toggle={() => setChosen(run.id === shown ? null : run.id)}
          />
          {run.id === shown && <RunSteps id={run.id} />}
        </li>
      ))}
    </ul>
  );
}

function RunRow(props: { run: RunSummary; open: boolean; toggle: () => void }) {
  const { run, open, toggle } = props;
  const { t, i18n } = useTranslation();
  const nowMs = useNow();
  const nothing = t("recovery.nothing");
  const age = duration(nowMs - Date.parse(run.started_at), i18n.language);
  return (
    <button
      type="button"
      className={styles.run}
      aria-expanded={open}
      aria-controls={`steps-${run.id}`}
      onClick={toggle}
    >
      <span className={styles.top}>
        <span className={styles.kind}>{t(`recovery.kind.${run.kind}`)}</span>
        <span className={styles.route}>
          {t("recovery.route", { from: run.from ?? nothing, to: run.to ?? nothing })}
        </span>
        <span className={styles.state} data-state={run.state}>
          {t(`recovery.state.${run.state}`)}
        </span>
      </span>
      <span className={styles.facts}>
        <span>{t("recovery.by", { operator: run.operator, age })}</span>
        <span>{t("recovery.level", { level: run.level })}</span>
        <span className="number">{duration(run.duration_ms, i18n.language)}</span>
        {run.reason !== null && <span lang="en">{run.reason}</span>}
      </span>
    </button>
  );
}
