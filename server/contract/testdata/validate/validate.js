// Checks the two descriptions with the official validators:
//   node validate.js openapi.yaml asyncapi.yaml
// It prints what is wrong and exits with 1, or prints "valid".
import { readFileSync } from "node:fs";
import { createConfig, lint } from "@redocly/openapi-core";
import { Parser } from "@asyncapi/parser";

const [openapi, asyncapi] = process.argv.slice(2);
const problems = [];

const rules = {
  "no-unused-components": "error",
  "operation-2xx-response": "off", // a handshake's answer is 101
  "operation-4xx-response": "off", // /health has none
  "no-path-trailing-slash": "off", // Socket.IO's path has one
};
const config = await createConfig({ extends: ["recommended-strict"], rules });
for (const p of await lint({ ref: openapi, config })) {
  problems.push(`openapi: ${p.message} (${p.location?.[0]?.pointer ?? "?"}, ${p.ruleId}, ${p.severity})`);
}

const { document, diagnostics } = await new Parser().parse(readFileSync(asyncapi, "utf8"));
for (const d of diagnostics) problems.push(`asyncapi: ${d.message} (${d.path.join(".")}, ${d.code}, severity ${d.severity})`);
if (!document) problems.push("asyncapi: no document");

if (problems.length > 0) {
  console.log(problems.join("\n"));
  process.exit(1);
}
console.log("valid");
