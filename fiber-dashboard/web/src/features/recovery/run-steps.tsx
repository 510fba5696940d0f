import { useQuery } from "@tanstack/react-query";
import {
  Circle,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleX,
  LoaderCircle,
  type LucideIcon,
  Undo2,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import type { RunStepView, RunView } from "#contracts";
import { runQuery } from "../../data/queries.js";
import { Bone } from "../../ui/bone.js";
import { Failure } from "../../ui/failure.js";
import { duration } from "../../ui/format.js";
import { Command } from "../../ui/message.js";
import { useNow } from "../../ui/use-now.js";
import { gatesOf } from "./gates-of.js";
import styles from "./run-steps.module.css";

const ICONS: Readonly<Record<RunStepView["state"], LucideIcon>> = {
  waiting: CircleDashed,
  running: LoaderCircle,
  done: CircleCheck,
  failed: CircleX,
  undone: Undo2,
  interrupted: CirclePause,
  skipped: Circle,
};

/** One run's steps with their durations; a running verification with each gate's value. */
export function RunSteps({ id }: { id: string }) {
  const run = useQuery(runQuery(id));
  return (
    <div id={`steps-${id}`} className={styles.steps}>
      {run.data !== undefined ? (
        <Parts run={run.data} />
      ) : run.error ? (
        <Failure error={run.error} retry={() => void run.refetch()} />
      ) : (
        <Bone height="120px" />
      )}
    </div>
  );
}

function Parts({ run }: { run: RunView }) {
  const { t } = useTranslation();
  const canUndo = run.state === "done" && run.kind !== "deploy";
  return (
    <>
      <List steps={run.steps} label={t("recovery.steps", { run: run.id })} />
      {run.taken_back_by !== null && (
        <>
          <h3 className={styles.back}>{t("recovery.takingBack")}</h3>
          <List steps={run.taken_back_by.steps} label={t("recovery.takingBack")} />
        </>
      )}
      {run.outcome !== null && (
        <p className={styles.outcome} lang="en">
          {run.outcome}
        </p>
      )}
      <p className={styles.outcome} lang="en">
        {run.loss}
      </p>
      {run.resumable && run.state !== "running" && (
        <Hint words={t("recovery.resume")} line={t("recovery.resumeCommand")} />
      )}
      {canUndo && <Hint words={t("recovery.undo")} line={t("recovery.undoCommand")} />}
    </>
  );
}

function Hint({ words, line }: { words: string; line: string }) {
  return (
    <p className={styles.hint}>
      {words} <Command line={line} />
    </p>
  );
}

function List({ steps, label }: { steps: readonly RunStepView[]; label: string }) {
  return (
    <ol aria-label={label}>
      {steps.map((step) => (
        <Step key={step.id} step={step} />
      ))}
    </ol>
  );
}

function Step({ step }: { step: RunStepView }) {
  const { t } = useTranslation();
  const Icon = ICONS[step.state];
  const gates = step.state === "running" ? gatesOf(step.detail) : [];
  return (
    <li className={styles.step} data-state={step.state}>
      <Icon className={styles.icon} size={16} aria-hidden="true" />
      <div className={styles.words}>
        <span lang="en">{step.title}</span>
        <span className="visually-hidden">{t(`recovery.step.${step.state}`)}</span>
        {step.error !== null && (
          <p className={styles.error} lang="en">
            {step.error.message}
          </p>
        )}
        {gates.length > 0 && (
          <ul className={styles.gates} lang="en">
            {gates.map((gate) => (
              <li key={gate.title} data-good={gate.good}>
                <span className={styles.gate}>{gate.title}</span>
                <span>
                  {gate.value}
                  {gate.waitsFor !== null && (
                    <span className={styles.waits}>
                      {" · "}
                      {t("recovery.waitsFor", { what: gate.waitsFor })}
                    </span>
                  )}
                </span>
              </li>
            ))}
          </ul>
        )}
      </div>
      <Took step={step} />
    </li>
  );
}

function Took({ step }: { step: RunStepView }) {
  const { t, i18n } = useTranslation();
  const nowMs = useNow();
  const ms =
    step.duration_ms ??
    (step.state === "running" && step.started_at !== null
      ? nowMs - Date.parse(step.started_at)
      : null);
  if (ms === null) return <span className={styles.took}>{t(`recovery.step.${step.state}`)}</span>;
  const text = ms < 1_000 ? `${Math.round(ms)}\u202fms` : duration(ms, i18n.language);
  return <span className={`number ${styles.took}`}>{text}</span>;
}
