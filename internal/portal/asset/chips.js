// A list of texts as chips. The textarea stays the form's field, one text on each line; without script it is used as it is.
export function chips(area) {
  const box = document.createElement("div");
  box.className = "chipbox";
  const list = document.createElement("ul");
  list.className = "chips";
  const input = document.createElement("input");
  input.type = "text";
  input.dir = "auto";
  const remove = area.dataset.chips;
  for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) {
    if (area.hasAttribute(name)) input.setAttribute(name, area.getAttribute(name));
  }
  input.id = area.id;
  const help = document.getElementById(area.id + "-help");
  if (help) help.textContent = help.textContent.replace(area.dataset.lines, area.dataset.enter);
  area.dataset.input = input.id;
  area.removeAttribute("id");
  area.hidden = true;
  box.append(list, input);
  area.after(box);

  const items = () => area.value.split("\n").map((s) => s.trim()).filter(Boolean);
  const write = (all) => {
    area.value = all.join("\n");
    area.dispatchEvent(new Event("input", { bubbles: true }));
    draw();
  };
  const draw = () => {
    list.replaceChildren(...items().map((text, i) => {
      const chip = document.createElement("li");
      chip.className = "chip";
      const word = document.createElement("bdi");
      word.textContent = text;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "×";
      button.setAttribute("aria-label", remove + " " + text);
      button.addEventListener("click", () => { const all = items(); all.splice(i, 1); write(all); input.focus(); });
      chip.append(word, button);
      return chip;
    }));
  };
  const take = () => {
    const text = input.value.trim();
    input.value = "";
    if (text && !items().includes(text)) write([...items(), text]);
  };
  input.addEventListener("keydown", (e) => {
    if (e.key === "Enter") { e.preventDefault(); take(); }
    if (e.key === "Backspace" && !input.value) { const all = items(); const last = all.pop(); if (last !== undefined) { e.preventDefault(); write(all); input.value = last; } }
  });
  input.addEventListener("keypress", (e) => { if (e.key === "Enter") e.preventDefault(); });
  input.addEventListener("paste", (e) => {
    const text = e.clipboardData.getData("text");
    if (!text.includes("\n")) return;
    e.preventDefault();
    write([...new Set([...items(), ...text.split(/\r?\n/).map((s) => s.trim()).filter(Boolean)])]);
  });
  input.addEventListener("blur", take);
  area.form.addEventListener("submit", take, { capture: true });
  draw();
}
