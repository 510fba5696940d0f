import { isScalar, LineCounter, parseAllDocuments, visit } from "yaml";

/**
 * Images that a compose file or a workflow names: every `image`, a job's `container`, and the
 * actions and images of `uses`. Variables are replaced by their defaults.
 */
export function imagesOfYaml(text) {
  const lines = new LineCounter();
  const found = [];
  for (const document of parseAllDocuments(text, { lineCounter: lines })) {
    for (const error of document.errors) {
      found.push({
        image: "",
        line: error.linePos?.[0].line,
        problem: error.message.split("\n")[0],
      });
    }
    visit(document, {
      Pair(_, pair) {
        const key = isScalar(pair.key) ? pair.key.value : null;
        const value = isScalar(pair.value) ? pair.value : null;
        if (typeof value?.value !== "string") return;
        if (key !== "image" && key !== "container" && key !== "uses") return;
        const line = lines.linePos(value.range?.[0] ?? 0).line;
        const image = withDefaults(value.value).replace(/^docker:\/\//, "");
        const action = key === "uses" && !value.value.startsWith("docker://");
        found.push({ image, line, action });
      },
    });
  }
  return found;
}

function withDefaults(text) {
  return text.replace(/\$\{\w+:?-([^}]*)\}/g, "$1");
}
