import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NODE_STATES } from "./node-state.js";
import {
  instantPosture,
  nextPosture,
  POSTURE_HOLD_MS,
  POSTURES,
  type Posture,
  type PostureMemory,
  type PostureNode,
} from "./posture.js";

const node = (nodeId: string, state: PostureNode["state"]): PostureNode => ({
  nodeId,
  state,
  reason: state === "HEALTHY" ? null : "because",
});
const verdict = (posture: Posture) => ({ posture, reason: posture === "SECURED" ? null : "why" });
const rank = (posture: Posture) => POSTURES.indexOf(posture);

describe("posture of a moment", () => {
  test.each<[PostureNode["state"][], Posture]>([
    [[], "SECURED"],
    [["HEALTHY", "HEALTHY"], "SECURED"],
    [["HEALTHY", "DEGRADED"], "CONTESTED"],
    [["HEALTHY", "CRITICAL"], "CONTESTED"],
    [["CRITICAL", "CRITICAL"], "COMPROMISED"],
    [["HEALTHY", "STALE"], "COMPROMISED"],
    [["HEALTHY", "DOWN"], "COMPROMISED"],
  ])("%j is %s", (states, posture) => {
    const nodes = states.map((state, i) => node(`n${i}`, state));
    expect(instantPosture(nodes).posture).toBe(posture);
  });

  test("the order of nodes does not matter, and a worse node never improves it", () => {
    const states = fc.array(fc.constantFrom(...NODE_STATES), { maxLength: 8 });
    fc.assert(
      fc.property(states, fc.constantFrom(...NODE_STATES), (all, more) => {
        const nodes = all.map((state, i) => node(`n${i}`, state));
        const { posture, reason } = instantPosture(nodes);
        expect(instantPosture([...nodes].reverse()).posture).toBe(posture);
        expect(rank(instantPosture([...nodes, node("x", more)]).posture)).toBeGreaterThanOrEqual(
          rank(posture),
        );
        expect(reason === null).toBe(posture === "SECURED");
      }),
    );
  });
});

/** A history of instants: what held, and how long until the next look, ms. */
const history = fc.array(
  fc.record({
    posture: fc.constantFrom(...POSTURES),
    afterMs: fc.integer({ min: 1, max: 15_000 }),
  }),
  { minLength: 1, maxLength: 60 },
);

type Look = { readonly nowMs: number; readonly instant: Posture; readonly memory: PostureMemory };

function play(instants: readonly { posture: Posture; afterMs: number }[]): Look[] {
  let memory: PostureMemory | null = null;
  let nowMs = 1_000_000;
  return instants.map(({ posture, afterMs }) => {
    nowMs += afterMs;
    memory = nextPosture(memory, verdict(posture), nowMs);
    return { nowMs, instant: posture, memory };
  });
}

describe("hysteresis", () => {
  test("the first posture is taken at once", () => {
    expect(nextPosture(null, verdict("CONTESTED"), 5)).toEqual({
      posture: "CONTESTED",
      reason: "why",
      sinceMs: 5,
      candidate: null,
      candidateSinceMs: null,
    });
  });

  test("it worsens after 10 s and recovers after 30 s", () => {
    const start = nextPosture(null, verdict("SECURED"), 0);
    const waiting = nextPosture(start, verdict("COMPROMISED"), 1_000);
    expect(nextPosture(waiting, verdict("COMPROMISED"), 10_999).posture).toBe("SECURED");
    const worse = nextPosture(waiting, verdict("COMPROMISED"), 11_000);
    expect([worse.posture, worse.sinceMs]).toEqual(["COMPROMISED", 11_000]);
    const better = nextPosture(worse, verdict("SECURED"), 20_000);
    expect(nextPosture(better, verdict("SECURED"), 49_999).posture).toBe("COMPROMISED");
    expect(nextPosture(better, verdict("SECURED"), 50_000).posture).toBe("SECURED");
  });

  test("posture never changes before its hold time in its direction", () => {
    fc.assert(
      fc.property(history, (instants) => {
        const looks = play(instants);
        for (let i = 1; i < looks.length; i++) {
          const [before, now] = [looks[i - 1], looks[i]];
          if (before === undefined || now === undefined) continue;
          if (now.memory.posture === before.memory.posture) continue;
          const worse = rank(now.memory.posture) > rank(before.memory.posture);
          const holdMs = worse ? POSTURE_HOLD_MS.worse : POSTURE_HOLD_MS.better;
          // Every look of the hold time leans to the same side of what was shown.
          const leaning = (look: Look) =>
            rank(look.instant) > rank(before.memory.posture) === worse &&
            look.instant !== before.memory.posture;
          let first = i;
          while (first > 0 && leaning(looks[first - 1] as Look)) first--;
          expect(now.nowMs - (looks[first]?.nowMs ?? 0)).toBeGreaterThanOrEqual(holdMs);
          expect(now.memory.posture).toBe(now.instant);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("flapping never recovers", () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 14_999 }), { minLength: 2, maxLength: 100 });
    fc.assert(
      fc.property(gaps, (afterMs) => {
        // Bad at every other look, so that no good spell lasts 30 s.
        const looks = play([
          { posture: "COMPROMISED", afterMs: 1 },
          ...afterMs.map((ms, i) => ({
            posture: i % 2 === 0 ? ("SECURED" as const) : ("COMPROMISED" as const),
            afterMs: ms,
          })),
        ]);
        expect(looks.every((look) => look.memory.posture === "COMPROMISED")).toBe(true);
      }),
    );
  });

  test("what lasts is shown in the end", () => {
    fc.assert(
      fc.property(history, fc.constantFrom(...POSTURES), (instants, posture) => {
        const looks = play([...instants, { posture, afterMs: 1 }, { posture, afterMs: 30_000 }]);
        expect(looks.at(-1)?.memory).toMatchObject({ posture, candidate: null });
      }),
    );
  });

  test("a clock that jumps back starts the wait anew", () => {
    const start = nextPosture(null, verdict("SECURED"), 0);
    const waiting = nextPosture(start, verdict("CONTESTED"), 100_000);
    const jumped = nextPosture(waiting, verdict("CONTESTED"), 50_000);
    expect([jumped.posture, jumped.candidateSinceMs]).toEqual(["SECURED", 50_000]);
    expect(nextPosture(jumped, verdict("CONTESTED"), 60_000).posture).toBe("CONTESTED");
  });
});
