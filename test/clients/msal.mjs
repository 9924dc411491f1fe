// MSAL for Node and the Azure identity library.
import * as msal from "@azure/msal-node";
import { ClientCertificateCredential, ClientSecretCredential, DeviceCodeCredential, OnBehalfOfCredential, AuthorizationCodeCredential } from "@azure/identity";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authority, check, claims, enterCode, equal, graphDefault, redirect, refused, signIn, world } from "./lib.mjs";

const host = new URL(world.authority).host;
const config = (clientId, more = {}) => ({ auth: { clientId, authority, knownAuthorities: [host], ...more } });

await check("msal-node: client credentials by secret", async () => {
  const app = new msal.ConfidentialClientApplication(config(world.web, { clientSecret: world.secret }));
  const r = await app.acquireTokenByClientCredential({ scopes: [graphDefault] });
  equal(claims(r.accessToken).appid, world.web, "appid");
  const again = await app.acquireTokenByClientCredential({ scopes: [graphDefault] });
  equal(again.fromCache, true, "fromCache");
});

await check("msal-node: client credentials by certificate", async () => {
  const der = new X509Certificate(world.certificate).raw;
  const app = new msal.ConfidentialClientApplication(config(world.web, {
    clientCertificate: { thumbprintSha256: createHash("sha256").update(der).digest("hex"), privateKey: world.key },
  }));
  const r = await app.acquireTokenByClientCredential({ scopes: [graphDefault] });
  equal(claims(r.accessToken).appidacr, "2", "appidacr");
});

await check("msal-node: wrong secret is a ServerError with the service's code", async () => {
  const app = new msal.ConfidentialClientApplication(config(world.web, { clientSecret: "wrong" }));
  try {
    await app.acquireTokenByClientCredential({ scopes: [graphDefault] });
  } catch (e) {
    equal(e.errorCode, "invalid_client", "errorCode");
    if (!e.errorMessage.includes("AADSTS7000215")) throw e;
    return;
  }
  throw new Error("a wrong secret is taken");
});

await check("msal-node: code with PKCE, account, silent from cache and by refresh token", async () => {
  const app = new msal.ConfidentialClientApplication(config(world.web, { clientSecret: world.secret, clientCapabilities: ["cp1"] }));
  const { verifier, challenge } = await new msal.CryptoProvider().generatePkceCodes();
  const url = await app.getAuthCodeUrl({ scopes: ["User.Read"], redirectUri: redirect, codeChallenge: challenge, codeChallengeMethod: "S256", state: "s1", nonce: "n1", responseMode: "query" });
  const back = await signIn(url);
  equal(back.searchParams.get("state"), "s1", "state");
  const r = await app.acquireTokenByCode({ code: back.searchParams.get("code"), codeVerifier: verifier, scopes: ["User.Read"], redirectUri: redirect, nonce: "n1", state: "s1" }, { nonce: "n1", state: "s1", code: back.searchParams.get("code") });
  equal(r.account.username, "adele@contoso.com", "username");
  equal(r.account.homeAccountId, `${r.uniqueId}.${world.tenant}`, "homeAccountId");
  equal(claims(r.accessToken).xms_cc?.[0], "cp1", "xms_cc");
  equal((await app.acquireTokenSilent({ account: r.account, scopes: ["User.Read"] })).fromCache, true, "fromCache");
  const fresh = await app.acquireTokenSilent({ account: r.account, scopes: ["User.Read"], forceRefresh: true });
  equal(fresh.fromCache, false, "fromCache after forceRefresh");
  const wider = await app.acquireTokenSilent({ account: r.account, scopes: ["https://graph.microsoft.com/User.ReadWrite"] });
  if (!claims(wider.accessToken).scp.includes("User.ReadWrite")) throw new Error(claims(wider.accessToken).scp);
});

await check("msal-node: device code", async () => {
  const app = new msal.PublicClientApplication(config(world.cli));
  let helped;
  const r = await app.acquireTokenByDeviceCode({
    scopes: ["User.Read"],
    deviceCodeCallback: (d) => { helped = enterCode(d.verificationUri, d.userCode); },
  });
  await helped;
  equal(r.account.username, "adele@contoso.com", "username");
});

await check("msal-node: authority by domain name", async () => {
  const app = new msal.ConfidentialClientApplication(config(world.web, { clientSecret: world.secret, authority: `${world.authority}/contoso.com` }));
  const r = await app.acquireTokenByClientCredential({ scopes: [graphDefault] });
  equal(claims(r.accessToken).tid, world.tenant, "tid");
});

await check("msal-node: on behalf of a person, and only with a token that is for this application", async () => {
  const front = new msal.PublicClientApplication(config(world.cli));
  const url = await front.getAuthCodeUrl({ scopes: [`api://${world.web}/.default`], redirectUri: redirect });
  const code = (await signIn(url)).searchParams.get("code");
  const first = await front.acquireTokenByCode({ code, scopes: [`api://${world.web}/.default`], redirectUri: redirect });
  equal(claims(first.accessToken).aud, `api://${world.web}`, "aud"); // of v1.0 form: as it was asked for
  const middle = new msal.ConfidentialClientApplication(config(world.web, { clientSecret: world.secret }));
  const r = await middle.acquireTokenOnBehalfOf({ oboAssertion: first.accessToken, scopes: ["https://graph.microsoft.com/User.Read"] });
  equal(claims(r.accessToken).aud, "https://graph.microsoft.com", "aud");
  equal(claims(r.accessToken).oid, claims(first.accessToken).oid, "oid");
  const e = await refused(() => middle.acquireTokenOnBehalfOf({ oboAssertion: r.accessToken, scopes: ["https://graph.microsoft.com/User.ReadWrite"] }), "a token for Graph");
  equal(e.errorCode, "invalid_grant", "errorCode");
  if (!e.errorMessage.includes("AADSTS500131")) throw e;
});

await check("msal-node: what was not consented is interaction_required, a used code invalid_grant", async () => {
  const app = new msal.ConfidentialClientApplication(config(world.web, { clientSecret: world.secret }));
  const url = await app.getAuthCodeUrl({ scopes: ["User.Read"], redirectUri: redirect });
  const back = await signIn(url);
  const once = { code: back.searchParams.get("code"), scopes: ["User.Read"], redirectUri: redirect };
  const r = await app.acquireTokenByCode(once);
  const again = await refused(() => new msal.ConfidentialClientApplication(config(world.web, { clientSecret: world.secret })).acquireTokenByCode(once), "a used code");
  equal(again.errorCode, "invalid_grant", "errorCode");
  const more = await refused(() => app.acquireTokenSilent({ account: r.account, scopes: ["Mail.Read"], forceRefresh: true }), "Mail.Read");
  if (!(more instanceof msal.InteractionRequiredAuthError)) throw more;
});

await check("msal-node: form_post, login_hint, domain_hint, and an account that is removed", async () => {
  const app = new msal.ConfidentialClientApplication(config(world.web, { clientSecret: world.secret }));
  const url = await app.getAuthCodeUrl({ scopes: ["User.Read"], redirectUri: redirect, responseMode: "form_post", loginHint: "adele@contoso.com", domainHint: "contoso.com", prompt: "login" });
  const back = await signIn(url);
  const r = await app.acquireTokenByCode({ code: back.searchParams.get("code"), scopes: ["User.Read"], redirectUri: redirect, clientInfo: back.searchParams.get("client_info") ?? undefined });
  const cache = app.getTokenCache();
  equal((await cache.getAllAccounts()).length, 1, "accounts");
  await cache.removeAccount(r.account);
  equal((await cache.getAllAccounts()).length, 0, "accounts after sign-out");
});

await check("msal-node: the authority organizations, for an application of every tenant", async () => {
  const app = new msal.PublicClientApplication(config(world.all, { authority: `${world.authority}/organizations` }));
  const url = await app.getAuthCodeUrl({ scopes: ["User.Read"], redirectUri: redirect });
  const r = await app.acquireTokenByCode({ code: (await signIn(url)).searchParams.get("code"), scopes: ["User.Read"], redirectUri: redirect });
  equal(r.tenantId, world.tenant, "tenantId");
  const e = await refused(() => new msal.PublicClientApplication(config(world.cli, { authority: `${world.authority}/organizations` })).getAuthCodeUrl({ scopes: ["User.Read"], redirectUri: redirect }).then((u) => signIn(u)), "an application of one tenant");
  if (!e.message.includes("AADSTS50194")) throw e;
});

const options = { authorityHost: world.authority, disableInstanceDiscovery: true };

await check("@azure/identity: secret", async () => {
  const c = new ClientSecretCredential(world.tenant, world.web, world.secret, options);
  equal(claims((await c.getToken(graphDefault)).token).idtyp, "app", "idtyp");
});

await check("@azure/identity: certificate, with and without the chain in the header", async () => {
  const dir = mkdtempSync(join(tmpdir(), "clients-"));
  try {
    const file = join(dir, "app.pem");
    writeFileSync(file, world.certificate + world.key, { mode: 0o600 });
    for (const sendCertificateChain of [false, true]) {
      const c = new ClientCertificateCredential(world.tenant, world.web, file, { ...options, sendCertificateChain });
      equal(claims((await c.getToken(graphDefault)).token).appidacr, "2", "appidacr");
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

await check("@azure/identity: authorization code, and on behalf of", async () => {
  const scope = `api://${world.web}/.default`;
  const url = new URL(`${authority}/oauth2/v2.0/authorize`);
  url.search = new URLSearchParams({ client_id: world.cli, response_type: "code", scope, redirect_uri: redirect });
  const code = (await signIn(url.href)).searchParams.get("code");
  const first = await new AuthorizationCodeCredential(world.tenant, world.cli, code, redirect, options).getToken(scope);
  const c = new OnBehalfOfCredential({ tenantId: world.tenant, clientId: world.web, clientSecret: world.secret, userAssertionToken: first.token, ...options });
  equal(claims((await c.getToken("https://graph.microsoft.com/User.Read")).token).scp.includes("User.Read"), true, "scp has User.Read");
});

await check("@azure/identity: device code", async () => {
  let helped;
  const c = new DeviceCodeCredential({ tenantId: world.tenant, clientId: world.cli, ...options, userPromptCallback: (d) => { helped = enterCode(d.verificationUri, d.userCode); } });
  const t = await c.getToken("https://graph.microsoft.com/User.Read");
  await helped;
  equal(claims(t.token).upn, "adele@contoso.com", "upn");
});

await check("@azure/identity: a wrong secret comes with the service's code", async () => {
  const e = await refused(() => new ClientSecretCredential(world.tenant, world.web, "wrong", options).getToken(graphDefault), "a wrong secret");
  equal(e.name, "AuthenticationRequiredError", "name"); // the library's own reading of MSAL's ServerError
  if (!e.message.includes("AADSTS7000215")) throw e;
});
