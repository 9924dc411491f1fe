// Lets a person choose the square of a picture before it is sent: by mouse, finger or keys. What is sent is the square only. The
// server checks and makes the picture again in any case.
const side = 648;

export function crop(form) {
  const file = form.querySelector("input[type=file]");
  const part = form.querySelector("[data-crop]");
  const canvas = part.querySelector("canvas");
  const zoom = part.querySelector("input[type=range]");
  const view = canvas.width;
  let picture = null, x = 0, y = 0, ours = false;

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
    if (!file.files.length) return;
    try { picture = await createImageBitmap(file.files[0], { imageOrientation: "from-image" }); } catch { return; }
    zoom.value = 100;
    const s = scale();
    x = (view - picture.width * s) / 2;
    y = (view - picture.height * s) / 2;
    part.hidden = false;
    draw();
  });
  let last = 100;
  zoom.addEventListener("input", () => { const to = zoom.value; zoom.value = last; enlarge(to); last = zoom.value; });
  let from = null;
  canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); from = [e.clientX - x, e.clientY - y]; });
  canvas.addEventListener("pointermove", (e) => { if (from) { x = e.clientX - from[0]; y = e.clientY - from[1]; draw(); } });
  canvas.addEventListener("pointerup", () => { from = null; });
  canvas.addEventListener("keydown", (e) => {
    const step = e.shiftKey ? 40 : 8;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (moves[e.key]) { x += moves[e.key][0]; y += moves[e.key][1]; draw(); e.preventDefault(); }
    if (e.key === "+" || e.key === "=" || e.key === "-") { enlarge(Math.min(400, Math.max(100, Number(zoom.value) + (e.key === "-" ? -10 : 10)))); last = zoom.value; e.preventDefault(); }
  });

  form.addEventListener("submit", (e) => {
    if (!picture || e.defaultPrevented || form.dataset.ready) return;
    e.preventDefault();
    const out = document.createElement("canvas");
    const s = scale(), part = view / s, size = Math.min(side, Math.max(48, Math.round(part)));
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
