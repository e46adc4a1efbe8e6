// The wall check: a phone looks at a code and says whether it is the stall's. It asks the service where there is
// network; else it judges by the list of a street that it took along, and tells the service later. A phone that cannot
// read codes by itself keeps its photos until there is network.
"use strict";

(() => {
  const page = document.querySelector("[data-wall]");
  if (!page) return;

  const WITHIN_MS = 8000;
  /** With a list at hand nobody waits longer for the service. */
  const WITHIN_MS_WITH_LIST = 2500;
  /** The longer side of a photo that is sent: enough for any code that fills a third of it. */
  const SIDE = 1600;
  /** A code that stays in the picture is judged once; seen again after this, it is looked at anew. */
  const SAME_MS = 2500;
  /** Nothing found for this long: say what helps. */
  const NOTHING_MS = 8000;
  /** Looks told at once; the service takes no more. */
  const LOOKS_MAX = 500;
  const MARKS = { right: "✓", wrong: "✗", revoked: "✗", unregistered: "?" };
  const SHELF = "choso-check-1";
  const LIST = "list";
  /** Photos that a phone keeps: some sixty megabytes. */
  const PHOTOS_MAX = 200;
  /** While photos wait, they are tried again this often. */
  const AGAIN_MS = 20_000;

  const words = page.dataset;
  const find = (name) => page.querySelector(`[data-${name}]`);
  const say = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const hint = (text) => say(find("hint"), text);
  /** Words with a place for what they speak of. */
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // --- What this phone keeps ---
  /** The street or market chosen last: lost without harm. */
  const lastPlace = () => localStorage.getItem(PLACE) ?? "";

  const opened = (request) =>
    new Promise((done, failed) => {
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
  /** Signing out deletes the database of lists (choso.js); what waits to be told stays. */
  const BASES = { photos: "choso-walk", looks: "choso-walk", lists: "choso-walk-list" };
  const KEYS = { photos: "id", looks: "id", lists: "name" };
  const bases = {};

  const baseOf = (name) => {
    bases[name] ??= new Promise((done, failed) => {
      const request = indexedDB.open(name, 2);
      request.onupgradeneeded = () => {
        const base = request.result;
        for (const shelf of Object.keys(BASES)) {
          if (BASES[shelf] !== name || base.objectStoreNames.contains(shelf)) continue;
          base.createObjectStore(shelf, { keyPath: KEYS[shelf] });
        }
      };
      request.onsuccess = () => {
        // Who deletes it, or brings a newer one, does not wait for this page.
        request.result.onversionchange = () => {
          request.result.close();
          delete bases[name];
        };
        done(request.result);
      };
      request.onerror = () => failed(request.error);
    });
    return bases[name];
  };

  /** Runs one step on a shelf of this phone; what it wrote is on the disk when this returns. Unlike localStorage, which a
   * browser writes some seconds later, nothing is lost when it is killed. */
  const on = async (shelf, mode, step) => {
    const base = await baseOf(BASES[shelf]);
    const work = base.transaction(shelf, mode, { durability: "strict" });
    const written = new Promise((done, failed) => {
      work.oncomplete = done;
      work.onabort = () => failed(work.error);
    });
    const result = await opened(step(work.objectStore(shelf)));
    await written;
    return result;
  };

  /** The list of a street that was taken along. */
  const keptList = async () => (await on("lists", "readonly", (lists) => lists.get(LIST)).catch(() => null))?.list ?? null;
  const keepList = (list) => on("lists", "readwrite", (lists) => lists.put({ name: LIST, list }));
  const dropList = () => on("lists", "readwrite", (lists) => lists.delete(LIST));

  /** Looks of this person that the service was not told of. */
  const keptLooks = async () => {
    const all = await on("looks", "readonly", (looks) => looks.getAll()).catch(() => []);
    return all.filter((look) => look.person === page.dataset.person).sort((a, b) => a.at_ms - b.at_ms);
  };

  // --- The verdict: words, colour, sound ---
  let speaker = null;

  /** Some browsers let a page sound only from within a tap: the way is opened there. */
  const openSpeaker = () => {
    try {
      speaker ??= new AudioContext();
      speaker.resume();
    } catch {
      // A browser without sound still shows words and colour.
    }
  };

  /** Two rising tones for right, three low ones for wrong: told apart with the phone in a pocket. */
  const sound = (isRight) => {
    if (!speaker) return;
    const tones = isRight ? [660, 990] : [220, 220, 220];
    tones.forEach((pitch, at) => {
      const tone = speaker.createOscillator();
      const volume = speaker.createGain();
      tone.frequency.value = pitch;
      tone.type = isRight ? "sine" : "square";
      volume.gain.value = 0.2;
      tone.connect(volume).connect(speaker.destination);
      tone.start(speaker.currentTime + at * 0.22);
      tone.stop(speaker.currentTime + at * 0.22 + 0.16);
    });
  };

  const clear = () => {
    find("verdict").hidden = true;
    find("details").hidden = true;
  };

  const show = (answer) => {
    const isRight = answer.verdict === "right";
    const box = find("verdict");
    box.hidden = false;
    const isOpen = answer.verdict === "unregistered";
    box.className = `verdict ${isRight ? "good" : isOpen ? "wait" : "bad"}`;
    say(find("mark"), MARKS[answer.verdict]);
    say(find("title"), answer.title);
    find("details").hidden = false;
    say(find("sentence"), answer.sentence);
    const facts = find("facts");
    facts.replaceChildren();
    for (const [name, value] of [
      [words.household, answer.household_name],
      [words.stall, answer.stall_code],
      [words.receiver, answer.holder_name],
      [words.onCode, answer.on_code],
      [words.ofStall, answer.of_stall],
      [words.tail, answer.on_code ? null : answer.tail],
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
    sound(isRight);
    navigator.vibrate?.(isRight ? 80 : [200, 100, 200, 100, 200]);
    box.scrollIntoView({ behavior: "smooth", block: "start" });
  };

  // --- Judging: by the service, else by the list ---
  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const digest = async (text) => hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));

  /** Last four of the account in a VietQR text; nothing if it is none. */
  const tailOf = (payload) => {
    const fields = (text) => {
      const found = {};
      for (let at = 0; at + 4 <= text.length; ) {
        const length = Number(text.slice(at + 2, at + 4));
        if (!Number.isInteger(length)) break;
        found[text.slice(at, at + 2)] = text.slice(at + 4, at + 4 + length);
        at += 4 + length;
      }
      return found;
    };
    const payee = fields(fields(fields(payload)["38"] ?? "")["01"] ?? "");
    const account = payee["01"] ?? "";
    return /^[0-9A-Za-z]+$/.test(account) ? account.slice(-4) : null;
  };

  const judgeByList = async (list, payload) => {
    const mark = (await digest(`${list.salt}\n${payload}`)).slice(0, 6);
    const verdict = list.right.includes(mark) ? "right" : list.revoked.includes(mark) ? "revoked" : "wrong";
    const look = {
      id: crypto.randomUUID(),
      verdict,
      payload_sha256: await digest(payload),
      tail: tailOf(payload),
      at_ms: Date.now(),
      place: list.place,
    };
    const { person } = page.dataset;
    try {
      await on("looks", "readwrite", (looks) => looks.put({ ...look, person }));
      if (verdict === "right" && !list.seen.includes(mark)) {
        list.seen.push(mark);
        await keepList(list);
      }
    } catch {
      return hint(words.lookNotKept);
    }
    const title = { right: words.titleRight, wrong: words.titleWrong, revoked: words.titleRevoked }[verdict];
    const sentence = { right: words.listRight, wrong: words.listWrong, revoked: words.listRevoked }[verdict];
    show({ verdict, title, sentence: fill(sentence, list), tail: look.tail });
    await showWalk();
  };

  // --- Where this phone is: chosen once, kept with every look ---
  const at = find("at-place");
  const PLACE = "choso.check.place";
  if (at) {
    const last = lastPlace();
    if ([...at.options].some((option) => option.value === last)) at.value = last;
    at.addEventListener("change", () => localStorage.setItem(PLACE, at.value));
  }
  const place = async () => at?.value || (await keptList())?.place || null;

  const post = (path, body, type, withinMs) => {
    const headers = { "content-type": type, accept: "application/json" };
    return fetch(path, { method: "POST", headers, body, signal: AbortSignal.timeout(withinMs) });
  };

  /** Shows what the service said. Signed out elsewhere: the page itself says how to come back. */
  const told = async (answer) => {
    if (answer.status === 401) return location.reload();
    const said = await answer.json();
    hint(answer.ok ? "" : said.detail);
    if (!answer.ok) return;
    show(said);
    await countSeen(said, await place());
  };

  /** A stall of the list that the service found right was seen on this walk, too. */
  const countSeen = async (said, where) => {
    const list = await keptList();
    if (!list || said.verdict !== "right" || !said.stall_code || where !== list.place) return;
    const mark = `stall ${said.stall_code}`;
    if (list.seen.includes(mark) || list.seen.length >= list.right.length) return;
    list.seen.push(mark);
    await keepList(list);
    await showWalk();
  };

  const judge = async (seen) => {
    const payload = seen.trim();
    const list = await keptList();
    clear();
    hint(words.reading);
    if (navigator.onLine || !list) {
      try {
        const body = JSON.stringify({ payload, place: await place() });
        const answer = await post("/check/code", body, "application/json", list ? WITHIN_MS_WITH_LIST : WITHIN_MS);
        return await told(answer);
      } catch {
        if (!list) return hint(words.offline);
      }
    }
    hint("");
    await judgeByList(list, payload);
  };

  // --- A photo ---
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

  let detector = null;

  // --- Photos that wait on this phone ---
  const photos = (mode, step) => on("photos", mode, step);
  const allPhotos = async () => {
    const all = await photos("readonly", (shelf) => shelf.getAll()).catch(() => []);
    return all.filter((photo) => photo.person === words.person).sort((a, b) => a.at_ms - b.at_ms);
  };

  /** A small picture by which a person knows the door again. */
  const thumbnail = async (blob) => {
    try {
      const picture = await createImageBitmap(blob);
      const canvas = document.createElement("canvas");
      const part = Math.min(1, 120 / Math.max(picture.width, picture.height));
      canvas.width = Math.max(1, Math.round(picture.width * part));
      canvas.height = Math.max(1, Math.round(picture.height * part));
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      return canvas.toDataURL("image/jpeg", 0.7);
    } catch {
      return null;
    }
  };

  /** Whether the line above the button says that a photo waits. */
  let saysWaiting = false;

  const keepPhoto = async (blob, taken) => {
    const before = await allPhotos();
    if (before.filter((photo) => photo.state === "waiting").length >= PHOTOS_MAX) {
      return hint(fill(words.photosFull, { count: PHOTOS_MAX }));
    }
    const photo = {
      ...taken,
      person: words.person,
      number: Math.max(0, ...before.map((other) => other.number)) + 1,
      state: "waiting",
      bytes: await blob.arrayBuffer(),
      thumbnail: await thumbnail(blob),
    };
    try {
      await photos("readwrite", (shelf) => shelf.put(photo));
      navigator.storage?.persist?.();
      hint(fill(words.photoKept, photo));
      saysWaiting = true;
    } catch {
      hint(words.photoNotKept);
    }
    await showPhotos();
  };

  const STATES = { waiting: "stateWaiting", unread: "stateUnread" };

  const showPhotos = async () => {
    const all = await allPhotos();
    const count = (state) => all.filter((photo) => photo.state === state).length;
    find("photos").hidden = all.length === 0;
    const sums = {
      waiting: count("waiting"),
      right: count("right"),
      wrong: count("wrong") + count("revoked"),
      open: count("unregistered"),
      unread: count("unread"),
    };
    say(find("photos-count"), fill(words.photosCount, sums));
    find("photos-tell").hidden = sums.waiting === 0;
    const list = find("photos-list");
    list.replaceChildren();
    for (const photo of all) {
      const row = document.createElement("li");
      row.dataset.state = photo.state;
      if (photo.thumbnail) {
        const picture = document.createElement("img");
        picture.src = photo.thumbnail;
        picture.alt = "";
        row.append(picture);
      }
      const state = document.createElement("span");
      state.className = `pill ${{ right: "good", wrong: "not", revoked: "not" }[photo.state] ?? ""}`;
      state.textContent = photo.title ?? words[STATES[photo.state]];
      const clock = new Date(photo.at_ms);
      const time = `${String(clock.getHours()).padStart(2, "0")}:${String(clock.getMinutes()).padStart(2, "0")}`;
      const name = document.createElement("span");
      name.textContent = fill(words.photoName, { number: photo.number, time });
      const said = document.createElement("span");
      said.textContent = [photo.stall_code, photo.sentence].filter(Boolean).join(" · ");
      row.append(state, name, said);
      if (photo.state !== "waiting") {
        const drop = document.createElement("button");
        drop.type = "button";
        drop.textContent = words.photoDrop;
        drop.addEventListener("click", async () => {
          await photos("readwrite", (shelf) => shelf.delete(photo.id));
          await showPhotos();
        });
        row.append(drop);
      }
      list.append(row);
    }
  };

  /** With its id, a photo whose answer was lost on the way is counted once. */
  const pathOf = (photo) => `/check/photo?${new URLSearchParams({ id: photo.id, at_ms: photo.at_ms, place: photo.place ?? "" })}`;

  let sending = false;

  /** Sends the photos that wait, one by one. A photo is only then no longer waiting when its answer is written. */
  const sendPhotos = async () => {
    if (sending) return;
    sending = true;
    try {
      for (const photo of await allPhotos()) {
        if (photo.state !== "waiting") continue;
        const answer = await post(pathOf(photo), photo.bytes, "image/jpeg", 30_000);
        if (answer.status === 401) return location.reload();
        // Whatever else is wrong is not wrong with the photo.
        if (!answer.ok && answer.status !== 413 && answer.status !== 422) break;
        const said = await answer.json();
        const judged = answer.ok
          ? { state: said.verdict, title: said.title, sentence: said.sentence, stall_code: said.stall_code }
          : { state: "unread", sentence: said.detail };
        const { bytes: _, ...rest } = photo;
        await photos("readwrite", (shelf) => shelf.put({ ...rest, ...judged }));
        if (answer.ok) await countSeen(said, photo.place);
        await showPhotos();
      }
    } catch {
      // They stay; the next time of network is tried.
    } finally {
      sending = false;
      await showPhotos();
    }
    if (saysWaiting && (await allPhotos()).every((photo) => photo.state !== "waiting")) {
      saysWaiting = false;
      hint(words.photosJudged);
    }
  };

  const preparePhotos = async () => {
    find("photos-tell").addEventListener("click", sendPhotos);
    addEventListener("online", sendPhotos);
    setInterval(async () => {
      if (navigator.onLine && (await allPhotos()).some((photo) => photo.state === "waiting")) sendPhotos();
    }, AGAIN_MS);
    await showPhotos();
    if (navigator.onLine) await sendPhotos();
  };

  find("photo").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    openSpeaker();
    clear();
    hint(words.reading);
    const picture = await smaller(file);
    const taken = { id: hex(crypto.getRandomValues(new Uint8Array(16))), at_ms: Date.now(), place: await place() };
    try {
      if (!navigator.onLine) throw new Error("offline");
      await told(await post(pathOf(taken), picture, "image/jpeg", WITHIN_MS));
    } catch {
      const list = await keptList();
      const codes = list && detector ? await detector.detect(await createImageBitmap(file)).catch(() => []) : [];
      if (codes.length === 1 && codes[0].rawValue) {
        hint("");
        await judgeByList(list, codes[0].rawValue);
      } else {
        await keepPhoto(picture, taken);
      }
    }
  });

  // --- The camera ---
  const video = page.querySelector("video");
  let looking = false;

  const stop = () => {
    looking = false;
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    find("camera").hidden = true;
    find("stop").hidden = true;
    find("start").hidden = false;
  };

  const look = async () => {
    openSpeaker();
    find("start").hidden = true;
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      find("camera").hidden = false;
      find("stop").hidden = false;
      await video.play();
    } catch {
      stop();
      return hint(words.noCamera);
    }
    hint(words.looking);
    looking = true;
    let last = { text: "", at: 0 };
    let foundAt = Date.now();
    let failures = 0;
    while (looking) {
      const codes = await detector.detect(video).catch(() => null);
      failures = codes ? 0 : failures + 1;
      if (failures > 20) {
        stop();
        return hint(words.noCamera);
      }
      const texts = new Set((codes ?? []).map((code) => code.rawValue).filter(Boolean));
      if (texts.size > 1) {
        foundAt = Date.now();
        hint(words.several);
      } else if (texts.size === 1) {
        const [text] = texts;
        const isSame = text === last.text && Date.now() - last.at < SAME_MS;
        if (!isSame) await judge(text);
        last = { text, at: Date.now() };
        foundAt = last.at;
      } else if (Date.now() - foundAt > NOTHING_MS) {
        hint(words.nothing);
      }
      await new Promise((next) => setTimeout(next, 120));
    }
  };

  const prepareCamera = async () => {
    const formats = await globalThis.BarcodeDetector?.getSupportedFormats().catch(() => []);
    if (!formats?.includes("qr_code")) return;
    detector = new BarcodeDetector({ formats: ["qr_code"] });
    if (!navigator.mediaDevices) return;
    find("start").hidden = false;
    find("start").addEventListener("click", look);
    find("stop").addEventListener("click", stop);
    document.addEventListener("visibilitychange", () => document.hidden && stop());
  };

  // --- A walk without network ---
  const walk = find("walk");

  /** The page and its files, so that it opens without network. */
  const putOnShelf = async () => {
    const files = [...document.querySelectorAll("link[rel=stylesheet], link[rel=icon], script[src]")];
    const hrefs = ["/check", ...new Set(files.map((file) => file.getAttribute("href") ?? file.getAttribute("src")))];
    const shelf = await caches.open(SHELF);
    await shelf.addAll(hrefs);
    for (const request of await shelf.keys()) {
      if (!hrefs.includes(new URL(request.url).pathname)) await shelf.delete(request);
    }
  };

  const showWalk = async () => {
    const list = await keptList();
    const looks = await keptLooks();
    find("walk-list").hidden = !list;
    find("walk-fetch").hidden = Boolean(list);
    if (list) {
      const isOld = Date.now() - list.at_ms > 86_400_000;
      say(find("walk-name"), list.name);
      say(find("walk-at"), fill(isOld ? words.walkOld : words.walkAt, list));
      say(find("walk-seen"), fill(words.walkSeen, { seen: list.seen.length, all: list.right.length }));
      find("walk-bar").max = Math.max(1, list.right.length);
      find("walk-bar").value = list.seen.length;
    }
    find("walk-waiting").hidden = looks.length === 0;
    say(find("walk-count"), fill(words.walkWaiting, { count: looks.length }));
  };

  const fetchList = async (event) => {
    event.preventDefault();
    const place = walk.querySelector("select").value;
    say(find("walk-told"), words.walkFetching);
    try {
      const answer = await fetch(`/check/lists/${encodeURIComponent(place)}`, { signal: AbortSignal.timeout(15_000) });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      const list = { ...(await answer.json()), seen: [] };
      await navigator.serviceWorker.register("/sw.js");
      await putOnShelf();
      await keepList(list);
      navigator.storage?.persist?.();
      say(find("walk-told"), list.right.length ? words.walkReady : words.walkEmpty);
    } catch {
      say(find("walk-told"), words.walkFailed);
    }
    await showWalk();
  };

  let telling = false;

  /** Tells the looks of this walk, those of one street at a time; what was told is forgotten here. */
  const tell = async () => {
    if (telling) return;
    telling = true;
    let differing = 0;
    let count = 0;
    try {
      for (let waiting = await keptLooks(); waiting.length > 0; waiting = await keptLooks()) {
        const { place } = waiting[0];
        const step = waiting.filter((look) => look.place === place).slice(0, LOOKS_MAX);
        const looks = step.map(({ place: _place, person: _person, ...look }) => look);
        const answer = await post("/check/walk", JSON.stringify({ place, looks }), "application/json", 30_000);
        if (answer.status === 401) return location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        const said = await answer.json();
        differing += said.differing.length;
        count += said.kept + said.repeated;
        for (const look of step) await on("looks", "readwrite", (looks) => looks.delete(look.id));
      }
      say(find("walk-told"), fill(differing ? words.walkDiffer : words.walkTold, { count, differing }));
    } catch {
      say(find("walk-told"), words.walkNotTold);
    } finally {
      telling = false;
      await showWalk();
    }
  };

  const prepareWalk = async () => {
    const canWalk = globalThis.crypto?.subtle && globalThis.caches && navigator.serviceWorker;
    walk.hidden = false;
    find("walk-by-photo").hidden = Boolean(detector);
    find("walk-cannot").hidden = Boolean(canWalk);
    find("walk-can").hidden = !canWalk;
    if (!canWalk) return;
    find("walk-fetch").addEventListener("submit", fetchList);
    find("walk-drop").addEventListener("click", async () => {
      await dropList();
      caches.delete(SHELF);
      say(find("walk-told"), "");
      await showWalk();
    });
    find("walk-tell").addEventListener("click", tell);
    const tellWhatWaits = async () => {
      if ((await keptLooks()).length > 0) await tell();
    };
    addEventListener("online", tellWhatWaits);
    await showWalk();
    if (!navigator.onLine) return;
    await tellWhatWaits();
    // The page may be newer than the one on the shelf.
    if (await keptList()) putOnShelf().catch(() => {});
  };

  prepareCamera().finally(prepareWalk);
  preparePhotos();
})();
