// Keeps the first page moving, shares and prints cards, filters long tables. Every page works without it.
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

  // --- A link that signs in once: what it holds stands behind the #, which browsers send to nobody ---
  const signIn = document.querySelector("form[data-sign-in]");
  const enter = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (!asked.get("once")) return;
    // Out of the address and of the history before anything else happens.
    history.replaceState(null, "", location.pathname);
    signIn.elements.token.value = asked.get("once");
    if (asked.get("next")) signIn.elements.next.value = asked.get("next");
    signIn.submit();
  };
  if (signIn) {
    enter();
    addEventListener("hashchange", enter);
  }

  // --- Signing out: what the wall check keeps of the register on this phone goes too ---
  const forgotten = (base) =>
    new Promise((done) => {
      const request = indexedDB.deleteDatabase(base);
      for (const end of ["success", "error", "blocked"]) request.addEventListener(end, done);
    });
  for (const form of document.querySelectorAll('form[action="/sign-out"]')) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await forgotten("choso-walk-list");
        await globalThis.caches?.delete("choso-check-1");
      } catch {
        // A browser that keeps nothing has nothing to forget.
      }
      form.submit();
    });
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

  // --- What is picked, added up beside the row that it is to pay ---
  for (const form of document.querySelectorAll("form[data-sum]")) {
    const said = form.querySelector("[data-picked]");
    const vnd = (number) => number.toLocaleString(document.documentElement.lang === "en" ? "en" : "vi");
    const add = () => {
      const picked = [...form.querySelectorAll("input[data-vnd]:checked")];
      const sum = picked.reduce((all, input) => all + Number(input.dataset.vnd), 0);
      const gap = sum - Number(form.dataset.sum);
      said.hidden = picked.length === 0;
      said.textContent = said.dataset.picked
        .replace("{n}", picked.length)
        .replace("{sum}", vnd(sum))
        .replace("{gap}", gap === 0 ? "0" : (gap > 0 ? "+" : "−") + vnd(Math.abs(gap)));
    };
    form.addEventListener("change", add);
    add();
  }

  // --- All that is shown, picked at once ---
  for (const all of document.querySelectorAll("[data-all]")) {
    all.closest("[hidden]").hidden = false;
    all.addEventListener("change", () => {
      for (const input of all.form.querySelectorAll("input[name=pick]")) {
        input.checked = all.checked;
      }
    });
  }

  // --- Print ---
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
})();
