// The Microsoft Graph client for JavaScript, with its own middleware: retries, redirects, batches, iterators.
import * as msal from "@azure/msal-node";
import { ClientSecretCredential } from "@azure/identity";
import { BatchRequestContent, BatchResponseContent, Client, GraphError, PageIterator, ResponseType } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";
import { authority, check, equal, fault, graphDefault, ledger, redirect, refused, signIn, world } from "./lib.mjs";

const host = new URL(world.authority).host;
const customHosts = new Set([new URL(world.graph).hostname]);

// app is a client with the application's own permissions, by the Azure identity library.
const credential = new ClientSecretCredential(world.tenant, world.web, world.secret, { authorityHost: world.authority, disableInstanceDiscovery: true });
const app = Client.initWithMiddleware({ baseUrl: world.graph, customHosts, authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes: [graphDefault] }) });

// person is a client with the token of a person who has signed in, by MSAL.
async function person(as) {
  const front = new msal.ConfidentialClientApplication({ auth: { clientId: world.web, clientSecret: world.secret, authority, knownAuthorities: [host] } });
  const url = await front.getAuthCodeUrl({ scopes: ["User.ReadWrite"], redirectUri: redirect });
  const r = await front.acquireTokenByCode({ code: (await signIn(url, as)).searchParams.get("code"), scopes: ["User.ReadWrite"], redirectUri: redirect });
  return Client.init({ baseUrl: world.graph, customHosts, authProvider: (done) => done(null, r.accessToken) });
}

// everybody pages through a collection and gives the ids and the number of pages.
async function everybody(top, request = app.api("/users").select("id,displayName").top(top)) {
  const ids = new Set();
  let pages = 1;
  const first = await request.get();
  const it = new PageIterator(app, first, (u) => { ids.add(u.id); return true; }, {});
  await it.iterate();
  for (let next = first["@odata.nextLink"]; next; pages++) next = (await app.api(next).get())["@odata.nextLink"];
  return { ids, pages };
}

await check("microsoft-graph-client: read and edit one's own profile", async () => {
  const graph = await person("adele@contoso.com");
  const me = await graph.api("/me").select("id,displayName,mobilePhone").get();
  equal(me.displayName, "Adele Vance", "displayName");
  await graph.api("/me").patch({ mobilePhone: "+1 425 555 0101" });
  equal((await graph.api("/me").select("mobilePhone").get()).mobilePhone, "+1 425 555 0101", "mobilePhone");
});

for (const [top, pages] of [[999, 6], [100, 50]]) {
  await check(`microsoft-graph-client: PageIterator over ${world.people} people in pages of ${top}`, async () => {
    const all = await everybody(top);
    equal(all.ids.size, world.people, "people");
    equal(all.pages, pages, "pages");
  });
}

await check("microsoft-graph-client: PageIterator stops and goes on", async () => {
  let n = 0;
  const it = new PageIterator(app, await app.api("/users").select("id").top(100).get(), () => ++n % 250 !== 0);
  await it.iterate();
  equal(n, 250, "people at the first stop");
  while (!it.isComplete()) await it.resume();
  equal(n, world.people, "people at the end");
});

await check("microsoft-graph-client: one page with everything that a person has", async () => {
  const page = await app.api("/users").top(999).select("id,displayName,givenName,surname,mail,jobTitle,department,officeLocation,city,country,businessPhones,mobilePhone,employeeId,usageLocation,userPrincipalName,proxyAddresses,otherMails").get();
  equal(page.value.length, 999, "people");
  if (page.value.some((u) => !u.userPrincipalName || !Array.isArray(u.businessPhones))) throw new Error("a person lacks properties");
});

await check("microsoft-graph-client: $count, $search, $filter and $expand with eventual consistency", async () => {
  const r = await app.api("/users").header("ConsistencyLevel", "eventual").count(true).search('"displayName:Adele"').select("id,displayName").get();
  if (!r.value.some((u) => u.displayName === "Adele Vance")) throw new Error(JSON.stringify(r));
  equal(r["@odata.count"], r.value.length, "@odata.count");
  const f = await app.api("/users").filter("startsWith(displayName, 'Adele V') and accountEnabled eq true").expand("manager($select=id,displayName)").get();
  equal(f.value[0].manager.displayName, "Megan Bowen", "manager");
  equal(await app.api("/users/$count").header("ConsistencyLevel", "eventual").responseType(ResponseType.TEXT).get().then(Number), world.people, "$count");
});

await check("microsoft-graph-client: a batch whose second step depends on the first", async () => {
  const url = `${world.graph}/users/adele@contoso.com`;
  const step = (id, request, dependsOn) => ({ id, request, dependsOn });
  const content = new BatchRequestContent([
    step("1", new Request(url, { method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ jobTitle: "Director" }) })),
    step("2", new Request(`${url}?$select=jobTitle`), ["1"]),
    step("3", new Request(`${world.graph}/users/nobody@contoso.com`), ["2"]),
  ]);
  const answers = new BatchResponseContent(await app.api("/$batch").post(await content.getContent()));
  equal(answers.getResponseById("1").status, 204, "status of 1");
  equal((await answers.getResponseById("2").json()).jobTitle, "Director", "jobTitle in 2");
  equal(answers.getResponseById("3").status, 404, "status of 3");
  equal([...answers.getResponsesIterator()].length, 3, "answers");
});

await check("microsoft-graph-client: twenty requests in a batch, and a failed step fails what depends on it", async () => {
  const steps = Array.from({ length: 20 }, (_, i) => ({ id: String(i + 1), request: new Request(`${world.graph}/users?$top=1&$select=id`) }));
  const all = new BatchResponseContent(await app.api("/$batch").post(await new BatchRequestContent(steps).getContent()));
  for (const [id, r] of all.getResponses()) equal(r.status, 200, `status of ${id}`);
  const chain = new BatchRequestContent([
    { id: "1", request: new Request(`${world.graph}/users/nobody@contoso.com`) },
    { id: "2", request: new Request(`${world.graph}/users/adele@contoso.com`), dependsOn: ["1"] },
  ]);
  const r = new BatchResponseContent(await app.api("/$batch").post(await chain.getContent()));
  equal(r.getResponseById("2").status, 424, "status of 2");
});

for (const [status, retryAfter] of [[429, "1"], [503, "1"], [504, "0"]]) {
  await check(`microsoft-graph-client: its retry handler meets ${status} and the change is made once`, async () => {
    await fault({ match: { method: "PATCH", pathRegex: "/users/megan@contoso.com$", times: 2 }, do: { status, retryAfter } });
    const before = (await ledger()).length;
    const began = Date.now();
    await app.api("/users/megan@contoso.com").patch({ officeLocation: `Floor ${status}` });
    if (Date.now() - began < 2000 * Number(retryAfter)) throw new Error("the client did not wait as long as it was told");
    equal((await ledger()).length, before + 1, "changes in the ledger");
  });
}

await check("microsoft-graph-client: paging through throttling", async () => {
  await fault({ match: { method: "GET", pathRegex: "^/v1.0/users$", every: 4, times: 3 }, do: { status: 429, retryAfter: "1" } });
  equal((await everybody(999)).ids.size, world.people, "people");
});

await check("microsoft-graph-client: a photo goes up and comes back", async () => {
  const graph = await person("adele@contoso.com");
  const picture = Buffer.from(world.photo, "base64");
  await graph.api("/me/photo/$value").header("Content-Type", "image/jpeg").put(picture);
  const meta = await graph.api("/me/photo").get();
  equal(meta["@odata.mediaContentType"], "image/jpeg", "media type");
  const back = Buffer.from(await graph.api("/me/photo/$value").responseType(ResponseType.ARRAYBUFFER).get());
  equal(back.subarray(0, 2).toString("hex"), "ffd8", "first bytes");
  const small = Buffer.from(await graph.api("/me/photos/48x48/$value").responseType(ResponseType.ARRAYBUFFER).get());
  if (small.length >= back.length) throw new Error(`48x48 has ${small.length} bytes, the whole ${back.length}`);
});

await check("microsoft-graph-client: create, manager, delete, restore a person", async () => {
  const made = await app.api("/users").post({
    accountEnabled: true, displayName: "Nora New", mailNickname: "nora", userPrincipalName: "nora@contoso.com",
    passwordProfile: { password: "Straw-berry-77!", forceChangePasswordNextSignIn: true },
  });
  await app.api(`/users/${made.id}/manager/$ref`).put({ "@odata.id": `https://graph.microsoft.com/v1.0/users/${(await app.api("/users/megan@contoso.com").get()).id}` });
  const manager = await app.api(`/users/${made.id}/manager`).get();
  equal(manager["@odata.type"], "#microsoft.graph.user", "@odata.type");
  await app.api(`/users/${made.id}/manager/$ref`).delete();
  await app.api(`/users/${made.id}`).delete();
  const gone = await refused(() => app.api(`/users/${made.id}`).get(), "a deleted person");
  if (!(gone instanceof GraphError)) throw gone;
  equal(gone.statusCode, 404, "statusCode");
  equal(gone.code, "Request_ResourceNotFound", "code");
  if (!gone.requestId || Number.isNaN(gone.date.getTime())) throw new Error("the error lacks its request id or date");
  await app.api(`/directory/deletedItems/${made.id}/restore`).post({});
  equal((await app.api(`/users/${made.id}`).get()).displayName, "Nora New", "displayName");
  await app.api(`/users/${made.id}`).delete();
  await app.api(`/directory/deletedItems/${made.id}`).delete();
});

await check("microsoft-graph-client: errors carry Microsoft's code and words", async () => {
  const weak = await refused(() => app.api("/users").post({ accountEnabled: true, displayName: "W", mailNickname: "w", userPrincipalName: "w@contoso.com", passwordProfile: { password: "weak" } }), "a weak password");
  equal(weak.code, "Request_BadRequest", "code");
  if (!weak.message.startsWith("The specified password does not comply with password complexity requirements.")) throw weak;
  const other = await refused(() => app.api("/me").get(), "an application that asks who it is");
  equal(other.statusCode, 400, "statusCode");
});

await check("microsoft-graph-client: members of a group by PageIterator, each with its type", async () => {
  const g = (await app.api("/groups").filter("displayName eq 'Sales'").get()).value[0];
  const types = new Set();
  let n = 0;
  await new PageIterator(app, await app.api(`/groups/${g.id}/members`).top(100).get(), (m) => { types.add(m["@odata.type"]); n++; return true; }).iterate();
  equal(n, 250, "members");
  equal([...types].join(), "#microsoft.graph.user", "types");
  const of = await app.api("/users/adele@contoso.com/memberOf").get();
  equal(of.value[0]["@odata.type"], "#microsoft.graph.group", "@odata.type");
});

await check("microsoft-graph-client: a round of delta over people and groups by PageIterator, and what its deltaLink tells later", async () => {
  // round reads everything that a link tells; the iterator keeps the deltaLink of the last page.
  const round = async (first) => {
    const items = [];
    const pages = new PageIterator(app, first, (x) => { items.push(x); return true; });
    await pages.iterate();
    return { items, link: pages.getDeltaLink() };
  };
  const people = await round(await app.api("/users/delta").select("id,displayName,jobTitle").get());
  equal(new Set(people.items.map((u) => u.id)).size, (await everybody(999)).ids.size, "people in the first round");
  const groups = await round(await app.api("/groups/delta").select("id,displayName,members").get());
  const sales = groups.items.filter((g) => g.displayName === "Sales").map((g) => g.id)[0];
  const members = new Set(groups.items.filter((g) => g.id === sales).flatMap((g) => (g["members@delta"] ?? []).map((m) => m.id)));
  equal(members.size, 250, "members in the first round");
  const megan = (await app.api("/users/megan@contoso.com").get()).id;
  await app.api(`/users/${megan}`).patch({ jobTitle: "Chief of delta" });
  const later = await round(await app.api(people.link).get());
  equal(later.items.map((u) => `${u.id} ${u.jobTitle}`).join(), `${megan} Chief of delta`, "people that changed");
  equal((await round(await app.api(later.link).get())).items.length, 0, "people in a round without changes");
  const one = [...members][0];
  await app.api(`/groups/${sales}/members/${one}/$ref`).delete();
  const left = (await round(await app.api(groups.link).get())).items;
  equal(JSON.stringify(left.map((g) => [g.id, g["members@delta"].map((m) => [m.id, m["@removed"].reason])])), JSON.stringify([[sales, [[one, "deleted"]]]]), "who left");
  await app.api(`/groups/${sales}/members/$ref`).post({ "@odata.id": `https://graph.microsoft.com/v1.0/directoryObjects/${one}` });
});
