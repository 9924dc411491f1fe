// Says while typing what would be saved, fills in what follows from a pick, and asks before typed text is left behind.
export function changes(form) {
  const line = form.querySelector("[data-changes]");
  const controls = [...form.querySelectorAll("input[name]:not([type=hidden]), select[name], textarea[name]")];
  const norm = (s) => s.replace(/\r\n/g, "\n").trim();
  const shown = new Map(controls.map((c) => [c, original(form, c)]));
  const label = (c) => form.querySelector(`label[for="${CSS.escape(c.id || c.dataset.input)}"]`).firstChild.textContent.trim();
  const comma = document.documentElement.lang === "ar" ? "، " : ", ";
  let leaving = false;

  const changed = () => controls.filter((c) => norm(c.value) !== norm(shown.get(c)));
  const say = () => {
    const names = changed().map(label);
    const text = names.length === 0 ? line.dataset.none : names.length === 1 ? line.dataset.single : line.dataset.many;
    line.textContent = text.replace("%s", names.join(comma));
    line.classList.toggle("on", names.length > 0);
  };
  form.addEventListener("input", say);
  form.addEventListener("change", (e) => { follow(form, e.target); say(); });
  form.addEventListener("submit", () => { leaving = true; });
  addEventListener("pageshow", say);
  addEventListener("beforeunload", (e) => { if (!leaving && changed().length > 0) e.preventDefault(); });
  form.querySelectorAll("a.button").forEach((a) => a.addEventListener("click", () => { leaving = true; }));
  say();
}

// original is what the directory said, as the control would show it; a form that came back with errors already holds other text.
function original(form, control) {
  const was = form.querySelector(`input[name="${CSS.escape("was." + control.name)}"]`);
  if (!was) return control.defaultValue ?? "";
  let value = null;
  try { value = JSON.parse(was.value); } catch { return control.value; }
  if (value === null) return "";
  if (Array.isArray(value)) return value.join("\n");
  if (control.type === "date") return String(value).slice(0, 10);
  return String(value);
}

function follow(form, select) {
  if (!select.dataset || !select.dataset.follows) return;
  const values = JSON.parse(select.dataset.follows)[select.value];
  for (const [name, text] of Object.entries(values ?? {})) {
    const other = form.elements.namedItem(name);
    if (other && "value" in other) other.value = text;
  }
}
