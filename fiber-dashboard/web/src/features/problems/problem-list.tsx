import { useQuery } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Problem } from "#contracts";
import { clusterQuery } from "../../data/queries.js";
import { useView } from "../../data/view.js";
import { Bone } from "../../ui/bone.js";
import { Failure } from "../../ui/failure.js";
import { duration } from "../../ui/format.js";
import { Message } from "../../ui/message.js";
import { Panel } from "../../ui/panel.js";
import { StateMark } from "../../ui/state-mark.js";
import { useNow } from "../../ui/use-now.js";
import styles from "./problem-list.module.css";

/** The probes that need a look, worst first, each with its since and its cause. */
export function ProblemList({ className }: { className?: string | undefined }) {
  const { t } = useTranslation();
  const { view } = useView();
  const cluster = useQuery(clusterQuery(view.scope, view.region));
  const problems = cluster.data?.problems.filter(
    (problem) => view.region === null || problem.region === view.region,
  );
  return (
    <Panel
      id="problems"
      title={t("problems.title")}
      note={problems !== undefined && problems.length > 0 && <Count value={problems.length} />}
      className={className}
      flush
    >
      {problems !== undefined ? (
        <Problems problems={problems} region={view.region} />
      ) : cluster.error ? (
        <Failure error={cluster.error} retry={() => void cluster.refetch()} />
      ) : (
        <Waiting />
      )}
    </Panel>
  );
}

function Count({ value }: { value: number }) {
  return <span className={`number ${styles.count}`}>{value}</span>;
}

function Waiting() {
  return (
    <div className={styles.waiting}>
      <Bone height="44px" />
      <Bone height="44px" />
      <Bone height="44px" />
    </div>
  );
}

function Problems(props: { problems: readonly Problem[]; region: string | null }) {
  const { t } = useTranslation();
  if (props.problems.length === 0) {
    return (
      <Message
        title={t("problems.none")}
        icon={<CircleCheck size={24} color="var(--healthy)" aria-hidden="true" />}
      >
        <p>
          {props.region === null
            ? t("problems.noneWhy")
            : t("problems.noneInRegion", { region: props.region })}
        </p>
      </Message>
    );
  }
  return (
    <ul className={styles.list}>
      {props.problems.map((problem) => (
        <ProblemRow key={problem.node_id} problem={problem} />
      ))}
    </ul>
  );
}

function ProblemRow({ problem }: { problem: Problem }) {
  const { t, i18n } = useTranslation();
  const { view, change } = useView();
  const nowMs = useNow();
  const age = duration(nowMs - Date.parse(problem.since), i18n.language);
  const open = () => change({ node: problem.node_id, chart: problem.node_id, target: null });
  return (
    <li>
      <button
        type="button"
        className={styles.problem}
        aria-current={view.node === problem.node_id}
        onClick={open}
      >
        <span className={styles.top}>
          <StateMark state={problem.state} />
          <span className={styles.name}>{problem.node_id}</span>
          <span className={styles.since}>{t("problems.since", { age })}</span>
        </span>
        <span className={styles.reason}>
          {problem.region}
          {problem.reason !== null && (
            <>
              {" · "}
              <span lang="en">{problem.reason}</span>
            </>
          )}
        </span>
      </button>
    </li>
  );
}
