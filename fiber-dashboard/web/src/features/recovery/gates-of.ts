/** One gate of a verification that goes on. */
export interface GateNow {
  readonly title: string;
  readonly good: boolean;
  readonly value: string;
  readonly waitsFor: string | null;
}

/** The gates in a step's detail; none where it holds none. */
export function gatesOf(detail: Readonly<Record<string, unknown>> | null): readonly GateNow[] {
  const gates = detail?.gates;
  if (!Array.isArray(gates)) return [];
  return gates.flatMap((gate: Record<string, unknown> | null) => {
    if (typeof gate?.title !== "string" || typeof gate.value !== "string") return [];
    return [
      {
        title: gate.title,
        good: gate.verdict === "good",
        value: gate.value,
        waitsFor: typeof gate.waitsFor === "string" ? gate.waitsFor : null,
      },
    ];
  });
}
