// What every script here begins with. The world comes as JSON in the first argument: authority, graph, control, tenant, web, cli, all,
// secret, certificate, key, helper, people, photo.
export const world = JSON.parse(process.argv[2]);
export const authority = `${world.authority}/${world.tenant}`;
export const redirect = "http://localhost:50000/authorize";
export const graphDefault = "https://graph.microsoft.com/.default";

// check runs one and prints one line of JSON: {"name":…,"ok":…,"error":…}.
export async function check(name, run) {
  try {
    await run();
    console.log(JSON.stringify({ name, ok: true }));
  } catch (e) {
    console.log(JSON.stringify({ name, ok: false, error: String(e?.stack ?? e) + (e?.body ? " body: " + e.body : "") + (e?.cause ? " cause: " + JSON.stringify(e.cause) : "") }));
  }
}

export function equal(got, want, what) {
  if (got !== want) throw new Error(`${what} is ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

// refused gives the error that run throws.
export async function refused(run, what) {
  try {
    await run();
  } catch (e) {
    return e;
  }
  throw new Error(`${what} is taken`);
}

export const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

async function help(path, query) {
  const r = await fetch(`${world.helper}/${path}?${new URLSearchParams(query)}`);
  const text = await r.text();
  if (!r.ok) throw new Error(text);
  return text;
}

// signIn lets the sample person sign in as a browser would and gives the address that the browser is sent to.
export const signIn = async (url, as = "adele@contoso.com") => new URL(await help("signin", { url, as }));

// enterCode does what the person does on another machine.
export const enterCode = (url, code, as = "adele@contoso.com") => help("device", { url, code, as });

// fault adds a rule to the emulator; ledger reads what it accepted.
export async function fault(rule) {
  const r = await fetch(`${world.control}/faults`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(rule) });
  if (!r.ok) throw new Error(await r.text());
}

export const ledger = async () => (await fetch(`${world.control}/ledger`)).json();
