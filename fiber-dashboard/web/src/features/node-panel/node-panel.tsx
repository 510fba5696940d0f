import { useFocusTrap, useMediaQuery, useMergedRef } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { NodeView } from "#contracts";
import { nodesQuery, roundsQuery } from "../../data/queries.js";
import { useView } from "../../data/view.js";
import { Bone } from "../../ui/bone.js";
import { Failure } from "../../ui/failure.js";
import { duration } from "../../ui/format.js";
import { Message } from "../../ui/message.js";
import { StateMark } from "../../ui/state-mark.js";
import { useNow } from "../../ui/use-now.js";
import { NodeFacts } from "./node-facts.js";
import { NodeNow } from "./node-now.js";
import styles from "./node-panel.module.css";
import { NodeTargets, UnableChecks } from "./node-targets.js";

/**
 * One probe in detail: beside the page on a desk, over it on a phone, where it also keeps the
 * focus. Gives the focus back to what opened it.
 */
export function NodePanel({ nodeId }: { nodeId: string }) {
  const { t } = useTranslation();
  const { change } = useView();
  const isPhone = useMediaQuery("(max-width: 767px)") ?? false;
  const own = useRef<HTMLElement>(null);
  const trap = useFocusTrap(isPhone);
  const ref = useMergedRef<HTMLElement>(own, trap);
  useEffect(() => {
    const before = document.activeElement;
    own.current?.focus();
    return () => {
      if (before instanceof HTMLElement || before instanceof SVGElement) before.focus();
    };
  }, []);
  const landmark = {
    ...(isPhone ? { role: "dialog", "aria-modal": true } : { role: "complementary" }),
    "aria-label": t("node.label", { node: nodeId }),
  };
  return (
    <div ref={ref} className={styles.panel} tabIndex={-1} {...landmark} data-testid="node-panel">
      <button
        type="button"
        className={styles.close}
        aria-label={t("action.close")}
        onClick={() => change({ node: null })}
      >
        <X size={18} aria-hidden="true" />
      </button>
      <NodeDetails nodeId={nodeId} />
    </div>
  );
}

function NodeDetails({ nodeId }: { nodeId: string }) {
  const { t } = useTranslation();
  const nodes = useQuery(nodesQuery);
  const round = useQuery(roundsQuery).data?.find((each) => each.node_id === nodeId);
  if (nodes.data === undefined) {
    return nodes.error ? (
      <Failure error={nodes.error} retry={() => void nodes.refetch()} />
    ) : (
      <Waiting />
    );
  }
  const node = nodes.data.find((each) => each.node_id === nodeId);
  if (node === undefined) {
    return (
      <Message title={t("node.gone", { node: nodeId })}>
        <p>{t("node.goneWhy")}</p>
      </Message>
    );
  }
  return (
    <>
      <Head node={node} />
      <NodeNow node={node} />
      <NodeTargets node={node} samples={round?.targets ?? []} />
      <UnableChecks node={node} />
      <NodeFacts node={node} />
    </>
  );
}

function Head({ node }: { node: NodeView }) {
  const { t, i18n } = useTranslation();
  const nowMs = useNow();
  const age = duration(nowMs - Date.parse(node.state_since), i18n.language);
  return (
    <div className={styles.head}>
      <h2 className={styles.name}>
        {node.node_id}
        {node.demo && (
          <span className={styles.demo} title={t("app.demoTitle")}>
            {t("app.demo")}
          </span>
        )}
      </h2>
      <p className={styles.state}>
        <StateMark state={node.state} />
        <span>{t("problems.since", { age })}</span>
      </p>
      {node.state_reason !== null && (
        <p className={styles.reason} lang="en">
          {node.state_reason}
        </p>
      )}
    </div>
  );
}

function Waiting() {
  return (
    <div className={styles.waiting}>
      <Bone height="24px" width="60%" />
      <Bone height="72px" />
      <Bone height="160px" />
    </div>
  );
}
