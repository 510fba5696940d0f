// Holds every container image of the tree to a version: node scripts/gates/images.mjs [folder].
// Looked at: Dockerfiles, compose files, every YAML file of fiber-deploy/ and of the workflows
// (their actions too). Pinned is a digest, or a tag that names a version; never "latest".
import { basename, resolve } from "node:path";
import { imagesOfDockerfile } from "./dockerfile-images.mjs";
import { readText, report, treeFiles } from "./tree-files.mjs";
import { imagesOfYaml } from "./yaml-images.mjs";

const YAML =
  /(?:^|\/)(?:docker-)?compose[^/]*\.ya?ml$|^fiber-deploy\/.*\.ya?ml$|^\.github\/.*\.ya?ml$/;
const DOCKERFILE = /^(?:.*\.)?(?:Dockerfile|Containerfile)(?:\..+)?$/i;

/** Why an image reference is not pinned; undefined when it is. */
function problemOf({ image, action }) {
  if (/\$\{?\w/.test(image)) {
    return `${image} depends on a variable without a default: give one, as in \${IMAGE:-name:1.2.3}`;
  }
  if (/@sha256:[0-9a-f]{64}$/.test(image)) return undefined;
  if (action) {
    if (image.startsWith("./") || /@[0-9a-f]{40}$/.test(image)) return undefined;
    return `the action ${image} can change under its name: name its commit`;
  }
  const tag = /:([\w][\w.-]*)$/.exec(image)?.[1];
  if (tag === undefined) return `${image} has no tag, which means latest: name a version`;
  return /\d/.test(tag) && !/^latest/i.test(tag)
    ? undefined
    : `${image} can change under its tag: name a version`;
}

const root = resolve(process.argv[2] ?? ".");
const images = treeFiles(root).flatMap((path) => {
  const dockerfile = DOCKERFILE.test(basename(path));
  if (!dockerfile && !YAML.test(path)) return [];
  const text = readText(root, path) ?? "";
  const found = dockerfile ? imagesOfDockerfile(text) : imagesOfYaml(text);
  return found.map((one) => ({ path, ...one }));
});
const findings = images.flatMap((one) => {
  const problem = one.problem ?? problemOf(one);
  return problem === undefined ? [] : [{ path: one.path, line: one.line, problem }];
});
report(findings, `${images.length} images are pinned`);
