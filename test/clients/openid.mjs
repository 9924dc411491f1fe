// openid-client: a certified client of OpenID Connect that knows nothing of Microsoft.
import * as oidc from "openid-client";
import { createPrivateKey, createHash, X509Certificate, webcrypto } from "node:crypto";
import { authority, check, claims, enterCode, equal, graphDefault, redirect, refused, signIn, world } from "./lib.mjs";

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
  await enterCode(d.verification_uri, d.user_code);
  const t = await oidc.pollDeviceAuthorizationGrant(c, { ...d, interval: 1 });
  equal(t.claims().tid, world.tenant, "tid");
});

await check("openid-client: private_key_jwt", async () => {
  const der = createPrivateKey(world.key).export({ type: "pkcs8", format: "der" });
  const key = await webcrypto.subtle.importKey("pkcs8", der, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, ["sign"]);
  const thumbprint = createHash("sha256").update(new X509Certificate(world.certificate).raw).digest("base64url");
  const auth = oidc.PrivateKeyJwt(key, { [oidc.modifyAssertion]: (header, payload) => {
    header["x5t#S256"] = thumbprint;
    payload.aud = `${authority}/oauth2/v2.0/token`;
  } });
  const c = await oidc.discovery(new URL(`${authority}/v2.0`), world.web, {}, auth);
  equal(claims((await oidc.clientCredentialsGrant(c, { scope: graphDefault })).access_token).appidacr, "2", "appidacr");
});

await check("openid-client: a wrong verifier, a wrong state and a used refresh token are refused", async () => {
  const c = await oidc.discovery(new URL(`${authority}/v2.0`), world.web, { client_secret: world.secret });
  const go = async () => {
    const verifier = oidc.randomPKCECodeVerifier();
    const state = oidc.randomState();
    const url = oidc.buildAuthorizationUrl(c, { redirect_uri: redirect, scope: "openid offline_access User.Read", state, code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" });
    return { back: await signIn(url.href), verifier, state };
  };
  const a = await go();
  const wrong = await refused(() => oidc.authorizationCodeGrant(c, a.back, { pkceCodeVerifier: oidc.randomPKCECodeVerifier(), expectedState: a.state }), "a wrong verifier");
  equal(wrong.error, "invalid_grant", "error");
  const b = await go();
  await refused(() => oidc.authorizationCodeGrant(c, b.back, { pkceCodeVerifier: b.verifier, expectedState: "other" }), "a wrong state");
  const t = await oidc.authorizationCodeGrant(c, b.back, { pkceCodeVerifier: b.verifier, expectedState: b.state });
  const e = await refused(() => oidc.refreshTokenGrant(c, t.refresh_token + "x"), "a spoilt refresh token");
  equal(e.error, "invalid_grant", "error");
});
