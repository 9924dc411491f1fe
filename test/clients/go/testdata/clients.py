"""Debian's authlib and MSAL for Python. The world comes as JSON in the first argument; one line of JSON for each check."""
import json
import sys
import time
import traceback
import urllib.parse
import urllib.request
from importlib.metadata import version

import httpx
import msal
import requests
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oidc.core import CodeIDToken

world = json.loads(sys.argv[1])
authority = f"{world['authority']}/{world['tenant']}"
default = ["https://graph.microsoft.com/.default"]


def check(name):
    def run(f):
        try:
            f()
            print(json.dumps({"name": name, "ok": True}), flush=True)
        except Exception:
            print(json.dumps({"name": name, "ok": False, "error": traceback.format_exc()}), flush=True)
    return run


def equal(got, want, what):
    assert got == want, f"{what} is {got!r}, want {want!r}"


def helped(path, **query):
    with urllib.request.urlopen(f"{world['helper']}/{path}?{urllib.parse.urlencode(query)}") as r:
        return r.read().decode()


def sign_in(url):
    return helped("signin", url=url, **{"as": "adele@contoso.com"})


def graph(token, method, path, **more):
    return requests.request(method, world["graph"] + "/v1.0" + path, headers={"Authorization": "Bearer " + token}, timeout=30, **more)


metadata = requests.get(f"{authority}/v2.0/.well-known/openid-configuration", timeout=30).json()


def discovered(session, url):
    """Reads a person's id token with the keys that discovery names."""
    keys = JsonWebKey.import_key_set(requests.get(metadata["jwks_uri"], timeout=30).json())
    claims = jwt.decode(url, keys, claims_cls=CodeIDToken, claims_options={
        "iss": {"essential": True, "value": metadata["issuer"]}, "aud": {"essential": True, "value": world["web"]},
    }, claims_params={"nonce": "n1", "client_id": world["web"]})
    claims.validate(now=int(time.time()), leeway=60)
    return claims


@check(f"authlib {version('authlib')} on requests: code with PKCE and nonce, verified ID token, userinfo, an edit, refresh")
def _():
    s = OAuth2Session(world["web"], world["secret"], scope="openid profile email offline_access User.ReadWrite", redirect_uri=world["redirect"],
                      code_challenge_method="S256", token_endpoint_auth_method="client_secret_post")
    verifier = "v" * 64
    url, state = s.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce="n1")
    token = s.fetch_token(metadata["token_endpoint"], authorization_response=sign_in(url), state=state, code_verifier=verifier)
    claims = discovered(s, token["id_token"])
    equal(claims["preferred_username"], "adele@contoso.com", "preferred_username")
    info = s.get(metadata["userinfo_endpoint"]).json()
    equal(info["name"], "Adele Vance", "name")
    r = s.patch(world["graph"] + "/v1.0/me", json={"mobilePhone": "+1 425 555 0177"})
    equal(r.status_code, 204, r.text)
    equal(s.get(world["graph"] + "/v1.0/me?$select=mobilePhone").json()["mobilePhone"], "+1 425 555 0177", "mobilePhone")
    fresh = s.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert fresh["access_token"] != token["access_token"]


@check("authlib on requests: client credentials in the header and in the body")
def _():
    for method in ("client_secret_basic", "client_secret_post"):
        s = OAuth2Session(world["web"], world["secret"], scope=default[0], token_endpoint_auth_method=method)
        s.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        equal(s.get(world["graph"] + "/v1.0/users/adele@contoso.com").json()["displayName"], "Adele Vance", "displayName")


@check(f"authlib on httpx {version('httpx')}: client credentials, every page of people")
def _():
    c = OAuth2Client(world["web"], world["secret"], scope=default[0], token_endpoint_auth_method="client_secret_post")
    c.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    seen, url = set(), world["graph"] + "/v1.0/users?$select=id&$top=999"
    while url:
        page = c.get(url).json()
        seen.update(u["id"] for u in page["value"])
        url = page.get("@odata.nextLink")
    equal(len(seen), world["people"], "people")


options = {"authority": authority, "instance_discovery": False}  # of another address than Microsoft's, MSAL asks Microsoft otherwise


def app(credential):
    return msal.ConfidentialClientApplication(world["web"], client_credential=credential, **options)


@check(f"msal {msal.__version__}: client credentials by secret and by certificate")
def _():
    r = app(world["secret"]).acquire_token_for_client(default)
    equal(graph(r["access_token"], "GET", "/users/adele@contoso.com").status_code, 200, r)
    r = app({"private_key": world["key"], "thumbprint": world["thumbprint"]}).acquire_token_for_client(default)
    assert "access_token" in r, r


@check("msal: code flow, accounts, silent, on behalf of")
def _():
    a = app(world["secret"])
    flow = a.initiate_auth_code_flow(["User.Read"], redirect_uri=world["redirect"])
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(sign_in(flow["auth_uri"])).query))
    r = a.acquire_token_by_auth_code_flow(flow, back)
    equal(r.get("id_token_claims", {}).get("preferred_username"), "adele@contoso.com", r)
    account = a.get_accounts()[0]
    equal(account["home_account_id"].split(".")[1], world["tenant"], "tenant")
    assert "access_token" in a.acquire_token_silent(["User.Read"], account=account, force_refresh=True)
    front = msal.PublicClientApplication(world["cli"], **options)
    flow = front.initiate_auth_code_flow([f"api://{world['web']}/.default"], redirect_uri=world["redirect"])
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(sign_in(flow["auth_uri"])).query))
    first = front.acquire_token_by_auth_code_flow(flow, back)
    r = a.acquire_token_on_behalf_of(first["access_token"], ["https://graph.microsoft.com/User.Read"])
    equal(graph(r["access_token"], "GET", "/me").json()["displayName"], "Adele Vance", "displayName")


@check("msal: device code")
def _():
    a = msal.PublicClientApplication(world["cli"], **options)
    flow = a.initiate_device_flow(["User.Read"])
    helped("device", url=flow["verification_uri"], code=flow["user_code"], **{"as": "adele@contoso.com"})
    r = a.acquire_token_by_device_flow(flow)
    equal(graph(r["access_token"], "GET", "/me").json()["displayName"], "Adele Vance", r)


@check("msal: a wrong secret is told as the service tells it")
def _():
    r = app("wrong").acquire_token_for_client(default)
    equal(r["error"], "invalid_client", "error")
    assert 7000215 in r["error_codes"], r


@check("httpx: HTTP errors are Graph's")
def _():
    r = app(world["secret"]).acquire_token_for_client(default)
    e = httpx.get(world["graph"] + "/v1.0/users/nobody@contoso.com", headers={"Authorization": "Bearer " + r["access_token"]})
    equal((e.status_code, e.json()["error"]["code"]), (404, "Request_ResourceNotFound"), "error")
