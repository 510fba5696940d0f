import { splitStatements } from "./split-statements.js";

/** A statement that loses something, as read from the SQL of a way down. */
export type LossyStatement =
  | { readonly kind: "table"; readonly table: string }
  | { readonly kind: "column"; readonly table: string; readonly column: string }
  | { readonly kind: "uncounted"; readonly text: string };

const NAME = '(?:"(?:[^"]|"")+"|[A-Za-z_][\\w$]*)(?:\\.(?:"(?:[^"]|"")+"|[A-Za-z_][\\w$]*))?';
const HARMLESS =
  /^(?:CREATE|COMMENT\s+ON|SET|SELECT\s+set_config|DROP\s+(?:INDEX|VIEW|FUNCTION|PROCEDURE|TRIGGER|TYPE|DOMAIN|STATISTICS)|ALTER\s+(?:INDEX|VIEW|FUNCTION))\b/i;

/** The statements of a way down that lose data, or may. */
export function lossyStatements(downSql: string): readonly LossyStatement[] {
  return splitStatements(downSql).flatMap(({ text }): readonly LossyStatement[] => {
    const dropped = new RegExp(
      `^DROP\\s+TABLE\\s+(?:IF\\s+EXISTS\\s+)?(${NAME}(?:\\s*,\\s*${NAME})*)(?:\\s+(?:CASCADE|RESTRICT))?$`,
      "i",
    ).exec(text);
    if (dropped) {
      return splitNames(dropped[1] ?? "").map((table) => ({ kind: "table", table }));
    }
    const column = new RegExp(
      `^ALTER\\s+TABLE\\s+(?:IF\\s+EXISTS\\s+)?(?:ONLY\\s+)?(${NAME})\\s+DROP\\s+COLUMN\\s+(?:IF\\s+EXISTS\\s+)?(${NAME})(?:\\s+(?:CASCADE|RESTRICT))?$`,
      "i",
    ).exec(text);
    if (column) {
      return [{ kind: "column", table: column[1] ?? "", column: column[2] ?? "" }];
    }
    return HARMLESS.test(text) && !/\bCASCADE$/i.test(text) ? [] : [{ kind: "uncounted", text }];
  });
}

function splitNames(list: string): readonly string[] {
  return list.match(new RegExp(NAME, "g")) ?? [];
}
