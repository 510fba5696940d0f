// The import table of docs/architecture.md as rules: who may import whom, one door per folder.
const mayImport = {
  "fiber-contracts": [],
  "fiber-runtime": ["fiber-contracts"],
  "fiber-db": ["fiber-contracts", "fiber-runtime"],
  "fiber-probe": ["fiber-contracts", "fiber-runtime"],
  "fiber-etl": ["fiber-contracts", "fiber-runtime", "fiber-db"],
  "fiber-api": ["fiber-contracts", "fiber-runtime", "fiber-db"],
  "fiber-dashboard": ["fiber-contracts", "fiber-runtime"],
  "fiber-rollback": ["fiber-contracts", "fiber-runtime", "fiber-db"],
  "fiber-agent": ["fiber-contracts", "fiber-runtime", "fiber-db", "fiber-rollback"],
  "fiber-cli": [
    "fiber-contracts",
    "fiber-runtime",
    "fiber-db",
    "fiber-probe",
    "fiber-etl",
    "fiber-api",
    "fiber-dashboard",
    "fiber-rollback",
    "fiber-agent",
  ],
  "fiber-testkit": ["fiber-contracts", "fiber-runtime", "fiber-db"],
};

const isTest = "\\.(test|itest|itest-kit)\\.tsx?$";

const borders = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder}-borders`,
  comment: `${folder} may import ${allowed.join(", ") || "nothing of ours"}`,
  severity: "error",
  from: { path: `^${folder}/`, pathNot: isTest },
  to: { path: "^(fiber-[a-z]+|e2e|bench)/", pathNot: `^(${[folder, ...allowed].join("|")})/` },
}));

const doors = Object.keys(mayImport).map((folder) => ({
  name: `${folder}-door`,
  comment: `Others enter ${folder} by its src/index.ts only, and their tests by web/testing/`,
  severity: "error",
  from: { pathNot: `^${folder}/` },
  to: { path: `^${folder}/`, pathNot: `^${folder}/(src/index\\.ts$|web/testing/)` },
}));

module.exports = {
  forbidden: [
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "contracts-know-nothing-of-node",
      severity: "error",
      from: { path: "^fiber-contracts/", pathNot: isTest },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "testkit-in-tests-only",
      severity: "error",
      from: { pathNot: `(${isTest}|^e2e/|^bench/|^fiber-testkit/|/web/testing/)` },
      to: { path: "^fiber-(testkit|dashboard/web/testing)/" },
    },
    {
      name: "browser-knows-contracts-only",
      severity: "error",
      from: { path: "^fiber-dashboard/web/" },
      to: { path: "^fiber-", pathNot: "^(fiber-contracts|fiber-dashboard/web)/" },
    },
    ...borders,
    ...doors,
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    includeOnly: "^(fiber-[a-z]+|e2e|bench)/",
    exclude: "(^|/)dist/",
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      conditionNames: ["source", "import", "default"],
      exportsFields: ["exports"],
    },
  },
};
