// From which place a browser asks: the proxy alone sees that, and tells the hub and the course's
// service (`web/browser_places.py`), which bind sessions to it. Nobody else can: what a browser or a
// program sends under the header's name goes no further, and what is told bears the proxy's seal.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";

const HEADER = "x-introml-place";
// Accounts of the system, such as a reverse proxy's, are below; people's begin there.
const FIRST_PERSON = 1000;
const {
  key = "",
  bound = true,
  cookie = "introml-signed-in-as",
} = JSON.parse(process.env.INTROML_PLACES ?? "{}");

function seal(...parts) {
  const whole = createHmac("sha256", key).update(parts.join("\n")).digest();
  return whole.subarray(0, 16).toString("base64url");
}

// ---- the address, and on this machine the account -------------------------------------------

function isLocal(socket) {
  const address = plain(socket.remoteAddress);
  return /^127\.|^::1$/.test(address) || address === plain(socket.localAddress);
}

// An IPv4 address in IPv6's clothes is one of IPv4.
function plain(address) {
  return (address ?? "").replace(/^::ffff:(?=\d+\.)/, "");
}

function groups(address) {
  const [head, tail] = address
    .split("%")[0]
    .split("::")
    .map((half) => half.split(":").filter(Boolean));
  const zeros = tail ? Array(8 - head.length - tail.length).fill("0") : [];
  return [...head, ...zeros, ...(tail ?? [])].map((one) => one.padStart(4, "0").toUpperCase());
}

// What one visitor has: an IPv4 address, or 64 bits of an IPv6 one, whose other bits change.
function network(address) {
  const plainly = plain(address);
  if (isIP(plainly) !== 6) return plainly;
  return `${groups(plainly).slice(0, 4).join(":").toLowerCase()}::/64`;
}

function bytesTurned(hex) {
  return hex.match(/../g).reverse().join("");
}

// An address as the kernel's tables have it: in words of four bytes, the last byte first.
function inTables(address) {
  if (isIP(address) === 6) {
    const six = groups(address).join("").match(/.{8}/g).map(bytesTurned).join("");
    return { tcp6: six };
  }
  const hex = address.split(".").map((one) => Number(one).toString(16).padStart(2, "0"));
  const four = bytesTurned(hex.join("").toUpperCase());
  return { tcp: four, tcp6: `0000000000000000FFFF0000${four}` };
}

function port(number = 0) {
  return number.toString(16).toUpperCase().padStart(4, "0");
}

// The number of the account whose process made this connection from this machine; -1 if unknown.
async function accountOf({ remoteAddress, remotePort, localPort }) {
  for (const [table, address] of Object.entries(inTables(plain(remoteAddress)))) {
    const lines = await readFile(`/proc/net/${table}`, "latin1").catch(() => "");
    const here = `: ${address}:${port(remotePort)} `;
    for (let at = lines.indexOf(here); at >= 0; at = lines.indexOf(here, at + 1)) {
      const [, to, state, , , , account] = lines.slice(at + 2, at + 200).split(/\s+/);
      // One that is open: a connection that its process has given up is nobody's, so root's.
      if (to.endsWith(`:${port(localPort)}`) && state === "01") return Number(account);
    }
  }
  return -1;
}

const known = new WeakMap();

// Asked once a connection, as the kernel takes some milliseconds for its tables; a reverse proxy may
// send many visitors' requests by one.
function accountBehind(socket) {
  if (!known.has(socket)) known.set(socket, isLocal(socket) ? accountOf(socket) : undefined);
  return known.get(socket);
}

// What stands last in the header was added by the one who asks here. A reverse proxy on this machine
// is believed, and a person's program is not: it may write anything.
function forwarded(headers) {
  const last = (headers["x-forwarded-for"] ?? "").split(",").pop().trim();
  const [, inBrackets, beforePort] = last.match(/^\[(.+)\](?::\d+)?$|^([\d.]+):\d+$/) ?? [];
  return inBrackets ?? beforePort ?? last;
}

// ---- what is told, and what is asked --------------------------------------------------------

export async function placeOf({ socket, headers }) {
  const account = await accountBehind(socket);
  const through = account >= 0 && account < FIRST_PERSON && forwarded(headers);
  let words = network(socket.remoteAddress);
  if (through) words = isIP(through) ? network(through) : "an unknown address";
  else if (account !== undefined) words += ` account ${account}`;
  const told = bound ? `${words}\n${headers["user-agent"] ?? ""}` : "";
  const name = createHash("sha256").update(told, "latin1").digest().subarray(0, 16);
  return { name: name.toString("base64url"), words };
}

/** Tell a reader behind the proxy from which place this request comes. */
export function tell(request, reader, place) {
  const at = String(Math.floor(Date.now() / 1000));
  const words = Buffer.from(place.words).toString("base64url");
  const told = [at, place.name, words];
  request.headers[HEADER] = [...told, seal(reader, ...told)].join(".");
}

export function tellNobody(request) {
  delete request.headers[HEADER];
}

function cookies(request) {
  return (request.headers.cookie ?? "").split(";").map((one) => one.trim());
}

function isSeal(told, wanted) {
  const [one, other] = [told, wanted].map((text) => Buffer.from(text));
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Whether this browser signed in as that user, at the place where it is now. */
export function isSignedIn(request, user, place) {
  const wanted = seal("signed in", user, place.name);
  const start = `${cookie}=${user}:`;
  return cookies(request).some((one) => {
    if (!one.startsWith(start)) return false;
    return one
      .slice(start.length)
      .split(":")
      .some((told) => isSeal(told, wanted));
  });
}

// ---- servers that have a host name each -----------------------------------------------------
// The hub's cookies do not come there, so a server's own session is bound by a cookie beside it.

const BESIDE = "introml-bound";
const asked = new WeakMap();

function isSession(one, user) {
  return one.replace(/^__Host-/, "").startsWith(`jupyterhub-user-${user}=`);
}

/** Take out of a request to a server its session, if that was begun at another place. */
export function withoutCopy(request, user, place) {
  const all = cookies(request);
  const beside = all.filter((one) => one.startsWith(`${BESIDE}=`));
  const seals = beside.map((one) => one.slice(BESIDE.length + 1));
  const kept = all.filter(
    (one) =>
      !isSession(one, user) || seals.some((told) => isSeal(told, seal("server", one, place.name))),
  );
  if (kept.length < all.length) request.headers.cookie = kept.join("; ");
  asked.set(request, { user, place });
}

/** Where a server begins a session, in this answer of its, bind that to the place. */
export function bindNew(answer, request) {
  const { user, place } = asked.get(request) ?? {};
  const begun = answer.headers["set-cookie"]?.find((one) => isSession(one, user));
  if (!place || !begun) return;
  const [session, ...attributes] = begun.split(";");
  const beside = [`${BESIDE}=${seal("server", session, place.name)}`, ...attributes];
  answer.headers["set-cookie"].push(beside.join(";"));
}
