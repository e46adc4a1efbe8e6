// Keeps the first page moving, filters long tables, prints a card. Every page works without it.
"use strict";

(() => {
  const EVERY_MS = 2000;
  const WITHIN_MS = 8000;

  /** Sets a text only when it differs, so that nothing is announced or redrawn for nothing. */
  const say = (element, text) => {
    if (element && element.textContent !== text) element.textContent = text;
  };

  // --- The first page ---
  const live = document.querySelector("[data-live]");
  if (live) follow(live);

  function follow(page) {
    let timer = 0;
    let asking = false;
    let leaving = false;

    const show = (now) => {
      say(page.querySelector("[data-as-of]"), now.as_of);
      say(page.querySelector("[data-at]"), now.at);
      for (const figure of now.figures) {
        const card = page.querySelector(`[data-figure="${figure.id}"]`);
        if (!card) continue;
        card.toggleAttribute("data-empty", !figure.has_data);
        say(card.querySelector("[data-percent]"), figure.percent);
        say(card.querySelector("[data-fraction]"), `${figure.numerator}/${figure.denominator}`);
        card.querySelector("[data-bar]").setAttribute("width", figure.bar);
      }
      for (const term of now.totals) {
        say(page.querySelector(`[data-count="${term.id}"]`), term.count);
        say(page.querySelector(`[data-amount="${term.id}"]`), term.amount);
      }
      say(page.querySelector("[data-repeats]"), now.repeats);
      page.querySelector("[data-holds]").dataset.holds = String(now.holds);
      say(page.querySelector("[data-movement]"), now.movement);
      page.classList.remove("offline");
      page.classList.add("moving");
    };

    const fail = () => {
      // A page that is being left gives up its request; that is no lost connection.
      if (leaving) return;
      page.classList.add("offline");
      page.classList.remove("moving");
      say(page.querySelector("[data-movement]"), page.dataset.offline);
    };

    const ask = async () => {
      if (asking || document.hidden) return;
      asking = true;
      try {
        const answer = await fetch(page.dataset.live, { signal: AbortSignal.timeout(WITHIN_MS) });
        // Signed out elsewhere: the page itself says how to come back.
        if (answer.status === 401) return location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        show(await answer.json());
      } catch {
        fail();
      } finally {
        asking = false;
        plan();
      }
    };

    const plan = () => {
      clearTimeout(timer);
      if (!document.hidden) timer = setTimeout(ask, EVERY_MS);
    };

    addEventListener("pagehide", () => (leaving = true));
    addEventListener("pageshow", () => (leaving = false));
    document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
    plan();
  }

  // --- Sharing a card: the phone's own sheet with picture and words, else a plain download ---
  for (const button of document.querySelectorAll("[data-share]")) {
    button.addEventListener("click", async () => {
      const { share, shareName, shareText } = button.dataset;
      const save = () => {
        const link = document.createElement("a");
        link.href = share;
        link.download = shareName;
        link.click();
        navigator.clipboard?.writeText(shareText).catch(() => {});
      };
      try {
        const answer = await fetch(share);
        const picture = await answer.blob();
        // Signed out, or the card has ended: the page itself says so, and nothing of it is sent on.
        if (!answer.ok || picture.type !== "image/png") return location.reload();
        const file = new File([picture], shareName, { type: "image/png" });
        const parcel = { files: [file], text: shareText };
        if (!navigator.canShare?.(parcel)) return save();
        await navigator.share(parcel);
      } catch (error) {
        // Whoever closes the sheet without choosing changed their mind.
        if (error.name !== "AbortError") save();
      }
    });
  }

  // --- The wall check: the browser's detector where there is one, else the service reads a photo ---
  const wall = document.querySelector("[data-wall]");
  if (wall) checkWalls(wall);

  function checkWalls(page) {
    const find = (name) => page.querySelector(`[data-${name}]`);
    const video = page.querySelector("video");
    const MARKS = { right: "✓", wrong: "✗", revoked: "✗" };
    /** The longer side of a photo that is sent: enough for any code that fills a third of it. */
    const SIDE = 1600;
    let looking = false;

    const hint = (text) => say(find("hint"), text);

    const show = (answer) => {
      const box = find("verdict");
      box.hidden = false;
      box.className = `verdict ${answer.verdict === "right" ? "good" : "bad"}`;
      say(find("mark"), MARKS[answer.verdict]);
      say(find("title"), answer.title);
      find("details").hidden = false;
      say(find("sentence"), answer.sentence);
      const facts = find("facts");
      facts.replaceChildren();
      for (const [name, value] of [
        [page.dataset.household, answer.household_name],
        [page.dataset.stall, answer.stall_code],
        [page.dataset.receiver, answer.holder_name],
        [page.dataset.tail, answer.tail],
      ]) {
        if (!value) continue;
        const row = document.createElement("div");
        const term = document.createElement("dt");
        const detail = document.createElement("dd");
        term.textContent = name;
        detail.textContent = value;
        row.append(term, detail);
        facts.append(row);
      }
      sound(answer.verdict === "right");
      navigator.vibrate?.(answer.verdict === "right" ? 80 : [200, 100, 200, 100, 200]);
      box.scrollIntoView({ behavior: "smooth", block: "start" });
    };

    /** Two rising tones for right, three low ones for wrong: told apart with the phone in a pocket. */
    const sound = (isRight) => {
      try {
        const context = new AudioContext();
        const tones = isRight ? [660, 990] : [220, 220, 220];
        tones.forEach((pitch, at) => {
          const tone = context.createOscillator();
          const volume = context.createGain();
          tone.frequency.value = pitch;
          tone.type = isRight ? "sine" : "square";
          volume.gain.value = 0.2;
          tone.connect(volume).connect(context.destination);
          tone.start(context.currentTime + at * 0.22);
          tone.stop(context.currentTime + at * 0.22 + 0.16);
        });
        setTimeout(() => context.close(), 1500);
      } catch {
        // A browser without sound still shows words and colour.
      }
    };

    const send = async (path, body, type, withinMs = WITHIN_MS) => {
      hint(page.dataset.reading);
      find("verdict").hidden = true;
      find("details").hidden = true;
      try {
        const headers = { "content-type": type, accept: "application/json" };
        const answer = await fetch(path, { method: "POST", headers, body, signal: AbortSignal.timeout(withinMs) });
        if (answer.status === 401) return location.reload();
        const told = await answer.json();
        hint(answer.ok ? "" : told.detail);
        if (answer.ok) show(told);
      } catch {
        hint(page.dataset.offline);
      }
    };

    /** Made smaller in the browser, so that a photo of twelve million points is sent in a moment. */
    const smaller = async (file) => {
      try {
        const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
        const part = Math.min(1, SIDE / Math.max(picture.width, picture.height));
        const canvas = document.createElement("canvas");
        canvas.width = Math.round(picture.width * part);
        canvas.height = Math.round(picture.height * part);
        const paper = canvas.getContext("2d");
        paper.fillStyle = "#fff";
        paper.fillRect(0, 0, canvas.width, canvas.height);
        paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
        return (await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85))) ?? file;
      } catch {
        // What the browser cannot open is sent as it is: the service says what is wrong with it.
        return file;
      }
    };

    find("photo").addEventListener("change", async (event) => {
      const [file] = event.target.files;
      if (file) await send("/check/photo", await smaller(file), "image/jpeg", 30_000);
      event.target.value = "";
    });

    const stop = () => {
      looking = false;
      video.srcObject?.getTracks().forEach((track) => track.stop());
      find("camera").hidden = true;
      find("start").hidden = false;
    };

    const look = async () => {
      find("start").hidden = true;
      const detector = new BarcodeDetector({ formats: ["qr_code"] });
      try {
        video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      } catch {
        stop();
        return hint(page.dataset.noCamera);
      }
      find("camera").hidden = false;
      await video.play();
      hint(page.dataset.looking);
      looking = true;
      while (looking) {
        const codes = await detector.detect(video).catch(() => []);
        if (codes.length === 1 && codes[0].rawValue) {
          stop();
          await send("/check/code", JSON.stringify({ payload: codes[0].rawValue }), "application/json");
          return;
        }
        await new Promise((next) => setTimeout(next, 120));
      }
    };

    if ("BarcodeDetector" in window && navigator.mediaDevices) {
      const start = find("start");
      start.hidden = false;
      start.addEventListener("click", look);
      document.addEventListener("visibilitychange", () => document.hidden && stop());
    }
  }

  // --- A choice that shows itself at once ---
  for (const form of document.querySelectorAll("form[data-auto]")) {
    form.querySelector("button").hidden = true;
    form.addEventListener("change", () => form.submit());
  }

  // --- Filter by name; accents and letter case do not count ---
  const fold = (text) =>
    text
      .normalize("NFD")
      .replace(/[\u0300-\u036f]/g, "")
      .replace(/[đĐ]/g, "d")
      .toLowerCase()
      .trim()
      .replace(/\s+/g, " ");

  for (const input of document.querySelectorAll("input[data-filter]")) {
    const table = document.getElementById(input.dataset.filter);
    const rows = [...table.querySelectorAll("tr[data-key]")];
    const none = table.parentElement.querySelector("[data-none]");
    input.closest("[hidden]")?.removeAttribute("hidden");
    input.addEventListener("input", () => {
      const wanted = fold(input.value);
      let found = 0;
      for (const row of rows) {
        row.hidden = !row.dataset.key.includes(wanted);
        found += row.hidden ? 0 : 1;
      }
      none.hidden = found > 0;
      table.hidden = found === 0;
    });
  }

  // --- Print ---
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
})();
