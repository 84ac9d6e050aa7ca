// Keeps an open page fresh: every three seconds its content is asked for again and put in place of the old, unless
// somebody is typing or the page is not looked at. When the console does not answer, the page says since when.
"use strict";

const EVERY_MS = 3000;

async function refresh() {
  const typing = document.activeElement?.closest("form");
  if (document.hidden || typing) return;
  const main = document.querySelector("main");
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (fresh) main.replaceWith(fresh);
    document.querySelector("#silent")?.remove();
  } catch (why) {
    if (document.querySelector("#silent")) return;
    const note = document.createElement("p");
    note.id = "silent";
    note.className = "headline bad";
    note.setAttribute("role", "alert");
    note.textContent = `hubkeeper has not answered since ${new Date().toISOString().slice(11, 19)} UTC (${why.message}). What you see is from before.`;
    document.body.insertBefore(note, main);
  }
}

setInterval(refresh, EVERY_MS);
