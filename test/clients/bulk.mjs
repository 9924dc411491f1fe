// Gives many people another department with the Microsoft Graph client for JavaScript, sixteen at a time, with its own middleware for
// retries. `make bench` runs it beside Nameplate. The world comes as JSON in the file of the first argument: graph, token, ids.
import { readFileSync } from "node:fs";
import { Client } from "@microsoft/microsoft-graph-client";

const world = JSON.parse(readFileSync(process.argv[2], "utf8"));
const app = Client.init({ baseUrl: world.graph, customHosts: new Set([new URL(world.graph).hostname]), authProvider: (done) => done(null, world.token) });

let next = 0;
async function worker() {
  while (next < world.ids.length) {
    const i = next++;
    try {
      await app.api(`/users/${world.ids[i]}`).patch({ department: `Department ${i}` });
    } catch (e) {
      if (e.statusCode !== 429) throw e; // what is still refused after its retries is left
    }
  }
}
await Promise.all(Array.from({ length: 16 }, worker));
