// Handing in a statement: sends the file, then shows how far trying or taking it in is.
"use strict";

(() => {
  const EVERY_MS = 1000;
  const WITHIN_MS = 8000;

  const say = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  /** A bar without a value moves by itself: how much there is to do is not known. */
  const fill = (bar, done, all) => {
    if (all > 0) {
      bar.max = all;
      bar.value = done;
    } else {
      bar.removeAttribute("value");
    }
  };

  // --- Sending ---
  const form = document.querySelector("[data-hand-in]");
  if (form) {
    const words = form.dataset;
    const find = (name) => form.querySelector(`[data-${name}]`);
    const button = form.querySelector("button");
    const input = form.querySelector("input[type=file]");
    button.hidden = false;

    const refuse = (text) => {
      find("way").hidden = true;
      button.disabled = false;
      find("problem").hidden = false;
      say(find("problem"), text);
    };

    const send = (file) => {
      const question = new URLSearchParams({ provider: form.elements.provider.value, name: file.name });
      const request = new XMLHttpRequest();
      request.open("POST", `${form.getAttribute("action")}?${question}`);
      request.responseType = "json";
      request.setRequestHeader("content-type", "application/octet-stream");
      request.upload.addEventListener("progress", ({ loaded, total }) => fill(find("way").querySelector("progress"), loaded, total));
      request.upload.addEventListener("load", () => {
        say(find("words"), words.reading);
        fill(find("way").querySelector("progress"), 0, 0);
      });
      request.addEventListener("error", () => refuse(words.failed));
      request.addEventListener("load", () => {
        // Signed out elsewhere: the page itself says how to come back.
        if (request.status === 401) return location.reload();
        if (request.status === 201) return location.assign(request.response.href);
        refuse(request.response?.detail ?? words.failed);
      });
      request.send(file);
    };

    input.addEventListener("change", () => (find("problem").hidden = true));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const file = input.files[0];
      if (!file) return refuse(words.none);
      if (file.size > Number(words.bytesMax)) return refuse(words.tooLarge);
      find("problem").hidden = true;
      find("way").hidden = false;
      button.disabled = true;
      say(find("words"), words.sending);
      send(file);
    });
    // The back button may bring the page back as it was left.
    addEventListener("pageshow", () => {
      button.disabled = false;
      find("way").hidden = true;
    });
  }

  // --- How far it is ---
  const work = document.querySelector("[data-progress]");
  if (work) {
    const steps = [...work.querySelectorAll(".steps li")];
    const show = (now) => {
      say(work.querySelector("[data-words]"), now.words);
      fill(work.querySelector("progress"), now.done, now.all);
      steps.forEach((step, at) => {
        step.classList.toggle("over", at < now.step);
        if (at === now.step) step.setAttribute("aria-current", "step");
        else step.removeAttribute("aria-current");
      });
    };
    const ask = async () => {
      try {
        const answer = await fetch(work.dataset.progress, { signal: AbortSignal.timeout(WITHIN_MS) });
        // Gone or signed out: the page itself says so.
        if (answer.status === 401 || answer.status === 404) return location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        const now = await answer.json();
        if (now.is_over) return location.reload();
        show(now);
      } catch {
        say(work.querySelector("[data-words]"), work.dataset.lost);
      }
      setTimeout(ask, EVERY_MS);
    };
    setTimeout(ask, EVERY_MS);
  }
})();
