// Drives clients that are not ours against the emulator. One line of JSON for each check: {"name":…,"ok":…,"error":…}.
// The world comes as JSON in the first argument: authority, graph, tenant, web, cli, secret, certificate, helper.
import * as msal from "@azure/msal-node";
import * as oidc from "openid-client";
import { ClientSecretCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { createHash, X509Certificate } from "node:crypto";

const world = JSON.parse(process.argv[2]);
const authority = `${world.authority}/${world.tenant}`;
const host = new URL(world.authority).host;
const redirect = "http://localhost:50000/authorize";
const graphDefault = "https://graph.microsoft.com/.default";

async function check(name, run) {
  try {
    await run();
    console.log(JSON.stringify({ name, ok: true }));
  } catch (e) {
    console.log(JSON.stringify({ name, ok: false, error: String(e?.stack ?? e) + (e?.cause ? " cause: " + JSON.stringify(e.cause) : "") }));
  }
}

function equal(got, want, what) {
  if (got !== want) throw new Error(`${what} is ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

// signIn lets the sample person sign in as a browser would and gives the address that the browser is sent to.
async function signIn(url, as = "adele@contoso.com") {
  const r = await fetch(`${world.helper}/signin?${new URLSearchParams({ url, as })}`);
  const text = await r.text();
  if (!r.ok) throw new Error(text);
  return new URL(text);
}

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
    deviceCodeCallback: (d) => { helped = fetch(`${world.helper}/device?${new URLSearchParams({ url: d.verificationUri, code: d.userCode, as: "adele@contoso.com" })}`); },
  });
  await helped;
  equal(r.account.username, "adele@contoso.com", "username");
});

await check("msal-node: authority by domain name", async () => {
  const app = new msal.ConfidentialClientApplication(config(world.web, { clientSecret: world.secret, authority: `${world.authority}/contoso.com` }));
  const r = await app.acquireTokenByClientCredential({ scopes: [graphDefault] });
  equal(claims(r.accessToken).tid, world.tenant, "tid");
});

await check("@azure/identity: secret", async () => {
  const c = new ClientSecretCredential(world.tenant, world.web, world.secret, { authorityHost: world.authority, disableInstanceDiscovery: true });
  equal(claims((await c.getToken(graphDefault)).token).idtyp, "app", "idtyp");
});

await check("openid-client: discovery, code with PKCE and nonce, userinfo, refresh, end of session", async () => {
  const c = await oidc.discovery(new URL(`${authority}/v2.0`), world.web, { client_secret: world.secret });
  const verifier = oidc.randomPKCECodeVerifier();
  const nonce = oidc.randomNonce();
  const state = oidc.randomState();
  const url = oidc.buildAuthorizationUrl(c, {
    redirect_uri: redirect, scope: "openid profile email offline_access User.Read", code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256", nonce, state, max_age: "600",
  });
  const back = await signIn(url.href);
  const t = await oidc.authorizationCodeGrant(c, back, { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, maxAge: 600 });
  equal(t.claims().preferred_username, "adele@contoso.com", "preferred_username");
  const again = await oidc.refreshTokenGrant(c, t.refresh_token);
  if (again.refresh_token === t.refresh_token) throw new Error("the refresh token was not replaced");
  const info = await oidc.fetchUserInfo(c, t.access_token, oidc.skipSubjectCheck);
  equal(info.name, "Adele Vance", "name");
  const out = oidc.buildEndSessionUrl(c, { post_logout_redirect_uri: redirect, id_token_hint: t.id_token });
  if (!out.href.startsWith(`${authority}/oauth2/v2.0/logout?`)) throw new Error(out.href);
});

await check("openid-client: client credentials with a Basic header and in the body", async () => {
  for (const auth of [oidc.ClientSecretBasic(world.secret), oidc.ClientSecretPost(world.secret)]) {
    const c = await oidc.discovery(new URL(`${authority}/v2.0`), world.web, {}, auth);
    const t = await oidc.clientCredentialsGrant(c, { scope: graphDefault });
    equal(claims(t.access_token).appid, world.web, "appid");
  }
});

await check("openid-client: device code", async () => {
  const c = await oidc.discovery(new URL(`${authority}/v2.0`), world.cli, undefined, oidc.None());
  const d = await oidc.initiateDeviceAuthorization(c, { scope: "openid profile User.Read" });
  const r = await fetch(`${world.helper}/device?${new URLSearchParams({ url: d.verification_uri, code: d.user_code, as: "adele@contoso.com" })}`);
  if (!r.ok) throw new Error(await r.text());
  const t = await oidc.pollDeviceAuthorizationGrant(c, { ...d, interval: 1 });
  equal(t.claims().tid, world.tenant, "tid");
});

await check("microsoft-graph-client: read and edit one's own profile", async () => {
  const app = new msal.ConfidentialClientApplication(config(world.web, { clientSecret: world.secret }));
  const url = await app.getAuthCodeUrl({ scopes: ["User.ReadWrite"], redirectUri: redirect });
  const r = await app.acquireTokenByCode({ code: (await signIn(url)).searchParams.get("code"), scopes: ["User.ReadWrite"], redirectUri: redirect });
  const graph = Client.init({ baseUrl: world.graph, customHosts: new Set([new URL(world.graph).hostname]), authProvider: (done) => done(null, r.accessToken) });
  const me = await graph.api("/me").select("id,displayName,mobilePhone").get();
  equal(me.displayName, "Adele Vance", "displayName");
  await graph.api("/me").patch({ mobilePhone: "+1 425 555 0101" });
  equal((await graph.api("/me").select("mobilePhone").get()).mobilePhone, "+1 425 555 0101", "mobilePhone");
});
