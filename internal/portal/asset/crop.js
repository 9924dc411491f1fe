// Lets a person choose the square of a picture before it is sent: by mouse, finger or keys. What is sent is the square only. The
// server checks and makes the picture again in any case.
const side = 648;

export function crop(form) {
  const file = form.querySelector("input[type=file]");
  const part = form.querySelector("[data-crop]");
  const canvas = part.querySelector("canvas");
  const zoom = part.querySelector("input[type=range]");
  const view = canvas.width;
  const wrong = form.querySelector("#photo-error");
  const least = Number(form.dataset.pixels);
  let picture = null, x = 0, y = 0, ours = false, last = 100;

  // The server says the same of what it gets; this spares the way there.
  const say = (text) => {
    wrong.querySelector("[data-say]").textContent = text;
    wrong.hidden = !text;
    wrong.parentElement.classList.toggle("field-wrong", Boolean(text));
    if (text) file.setAttribute("aria-invalid", "true"); else file.removeAttribute("aria-invalid");
    file.setAttribute("aria-describedby", text ? "photo-error photo-help" : "photo-help");
    file.setCustomValidity(text);
  };

  const scale = () => (view / Math.min(picture.width, picture.height)) * (zoom.value / 100);
  const draw = () => {
    if (!picture) return;
    const s = scale(), w = picture.width * s, h = picture.height * s;
    x = Math.min(0, Math.max(view - w, x));
    y = Math.min(0, Math.max(view - h, y));
    const c = canvas.getContext("2d");
    c.fillStyle = "#fff";
    c.fillRect(0, 0, view, view);
    c.drawImage(picture, x, y, w, h);
  };
  const enlarge = (to) => {
    const before = scale();
    zoom.value = to;
    const k = scale() / before;
    x = view / 2 - (view / 2 - x) * k;
    y = view / 2 - (view / 2 - y) * k;
    draw();
  };

  file.addEventListener("change", async () => {
    if (ours) { ours = false; return; }
    part.hidden = true;
    picture = null;
    delete form.dataset.ready;
    say("");
    const chosen = file.files[0];
    if (!chosen) return;
    let got = null;
    try { got = await createImageBitmap(chosen, { imageOrientation: "from-image" }); } catch { /* the server says what it is */ }
    if (file.files[0] !== chosen) return;
    if (!got) { if (chosen.size > Number(form.dataset.bytes)) say(form.dataset.large); return; }
    const smaller = Math.min(got.width, got.height);
    if (smaller < least) { say(form.dataset.small); return; }
    picture = got;
    zoom.max = Math.min(400, Math.floor(smaller / least * 100)); // nothing is enlarged
    zoom.value = last = 100;
    const s = scale();
    x = (view - picture.width * s) / 2;
    y = (view - picture.height * s) / 2;
    part.hidden = false;
    draw();
  });
  zoom.addEventListener("input", () => { const to = zoom.value; zoom.value = last; enlarge(to); last = zoom.value; });
  let from = null;
  canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); from = [e.clientX - x, e.clientY - y]; });
  canvas.addEventListener("pointermove", (e) => { if (from) { x = e.clientX - from[0]; y = e.clientY - from[1]; draw(); } });
  canvas.addEventListener("pointerup", () => { from = null; });
  canvas.addEventListener("keydown", (e) => {
    const step = e.shiftKey ? 40 : 8;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (moves[e.key]) { x += moves[e.key][0]; y += moves[e.key][1]; draw(); e.preventDefault(); }
    if (e.key === "+" || e.key === "=" || e.key === "-") { enlarge(Math.min(Number(zoom.max), Math.max(100, Number(zoom.value) + (e.key === "-" ? -10 : 10)))); last = zoom.value; e.preventDefault(); }
  });

  form.addEventListener("submit", (e) => {
    if (!picture || e.defaultPrevented || form.dataset.ready) return;
    e.preventDefault();
    const out = document.createElement("canvas");
    const s = scale(), part = view / s, size = Math.min(side, Math.max(least, Math.round(part)));
    out.width = out.height = size;
    const c = out.getContext("2d");
    c.fillStyle = "#fff";
    c.fillRect(0, 0, size, size);
    c.drawImage(picture, -x / s, -y / s, part, part, 0, 0, size, size);
    out.toBlob((blob) => {
      if (blob) {
        const sent = new DataTransfer();
        sent.items.add(new File([blob], "photo.jpg", { type: "image/jpeg" }));
        ours = true;
        file.files = sent.files;
      }
      form.dataset.ready = "1";
      form.submit();
    }, "image/jpeg", 0.92);
  }, { capture: true });
}
