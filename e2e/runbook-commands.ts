/** A command of the seed's runbook, as it is written there. */
interface RunbookCommand {
  /** Scenario and step, such as "1.2". */
  readonly step: string;
  readonly command: string;
}

/**
 * Every command of the seed's three scenarios, in its order. Angle brackets stand for what the
 * operator fills in.
 */
export const RUNBOOK_COMMANDS = [
  { step: "1.1", command: "git log --oneline -10" },
  { step: "1.2", command: "git revert <bad_commit_hash>" },
  { step: "1.2", command: "git push origin release/mvp" },
  { step: "1.3", command: "git checkout v1.0.0-mvp" },
  { step: "1.3", command: "git checkout -b hotfix/fix-description" },
  { step: "1.4", command: "docker-compose -f fiber-deploy/docker-compose.dev.yml up -d" },
  { step: "1.4", command: "curl http://localhost:8000/api/status" },
  { step: "1.5", command: "git checkout release/mvp" },
  { step: "1.5", command: "git cherry-pick <fixed_commit_hash>" },
  { step: "1.5", command: "git push origin release/mvp" },
  { step: "1.6", command: 'git tag -s v1.0.1-mvp -m "Hotfix: <description>"' },
  { step: "1.6", command: "git push origin v1.0.1-mvp" },
  { step: "2.1", command: "docker-compose -f fiber-deploy/docker-compose.dev.yml down" },
  { step: "2.2", command: "git checkout v1.0.0-mvp" },
  { step: "2.2", command: "docker-compose -f fiber-deploy/docker-compose.dev.yml up -d" },
  { step: "2.3", command: "ls -la backups/" },
  {
    step: "2.3",
    command: "pg_restore --clean -h localhost -U postgres -d fiberstack backups/v1.0.0-mvp.dump",
  },
  { step: "2.4", command: "curl http://localhost:8000/api/status" },
  { step: "2.4", command: "curl http://localhost:8000/api/metrics | jq 'length'" },
  { step: "2.4", command: "open http://localhost:4000" },
  { step: "3.1", command: "docker exec fiber-api alembic current" },
  { step: "3.1", command: "docker exec fiber-api alembic history" },
  { step: "3.2", command: "docker exec fiber-api alembic downgrade -1" },
  { step: "3.3", command: "docker exec fiber-api alembic upgrade head" },
] as const satisfies readonly RunbookCommand[];

/** One of the runbook's commands. */
export type CommandText = (typeof RUNBOOK_COMMANDS)[number]["command"];
