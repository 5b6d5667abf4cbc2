// Loaded before configurable-http-proxy (`node --import`): where it listens, whom it lets pass, and
// how it speaks to the Unix sockets behind.

import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { dirname } from "node:path";
import ConfigurableProxy from "../../../node_modules/configurable-http-proxy/lib/configproxy.js";
import { bindNew, isSignedIn, placeOf, tell, tellNobody, withoutCopy } from "./browser_places.mjs";

// The public address is listened at by the program that started the hub, so that it is nobody
// else's while this proxy is away.
const listener = Number(process.env.INTROML_LISTENER ?? 0);
if (listener) {
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...where) {
    return listen.apply(this, typeof where[0] === "number" ? [{ fd: listener }] : where);
  };
}

// Left alone, the proxy asks what is behind a Unix socket to close the connection after its answer. An
// answer may be there before the proxy has called a form's or a file's request ended, and that last
// (empty) write to a closed Unix socket fails: the reader is told 503 of what was done. So here it is
// the proxy that closes, after each answer.
class ProxyCloses extends http.Agent {
  constructor() {
    super({ keepAlive: true });
  }

  addRequest(request, ...more) {
    if (request.getHeader("connection") === "close") request.setHeader("connection", "keep-alive");
    return super.addRequest(request, ...more);
  }

  keepSocketAlive() {
    return false;
  }
}

const proxyCloses = new ProxyCloses();
const proxyOptsForTarget = ConfigurableProxy.prototype.proxyOptsForTarget;
ConfigurableProxy.prototype.proxyOptsForTarget = function (target) {
  const options = proxyOptsForTarget.call(this, target);
  return options.target.socketPath ? { ...options, agent: proxyCloses } : options;
};

// A student's socket is in a folder of the student's, who may put a link there to a socket that is
// closed to them, and this proxy can be root. So it takes what lies there itself, if that is of the
// folder's owner.
const PATH_ONLY = 0o10000000; // Linux's O_PATH: named, and not opened
const NOTHING = "/proc/self/fd/nothing";

function held(path) {
  let descriptor;
  try {
    descriptor = openSync(path, PATH_ONLY | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
  const told = fstatSync(descriptor);
  if (told.isSocket() && told.uid === statSync(dirname(path)).uid) return descriptor;
  closeSync(descriptor);
  return undefined;
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const normalized = Array.isArray(given[0]);
  const options = normalized ? given[0][0] : given[0];
  if (typeof options?.path !== "string") return connect.apply(this, given);
  const descriptor = held(options.path);
  const there = descriptor === undefined ? NOTHING : `/proc/self/fd/${descriptor}`;
  if (descriptor !== undefined) {
    const close = () => {
      this.off("connect", close).off("close", close);
      closeSync(descriptor);
    };
    this.on("connect", close).on("close", close);
  }
  // Node keeps a mark on the list that it made of the arguments.
  if (normalized) given[0][0] = { ...options, path: there };
  else given[0] = { ...options, path: there };
  return connect.apply(this, given);
};

// Where all students' servers have the hub's own host name, what a student's server shows can do
// whatever the reader's browser can. So only the browser of someone who signed in as that student, at
// the place where it is, gets there; all others meet the hub, as if that server did not run. A program
// that shows a token is no browser: no page can be opened with that header. (With a name and a
// password in the address, one could be, but that is another scheme, Basic.) A token that is no good
// must not let a copied cookie in.
const hasHostEach = process.argv.includes("--host-routing");

async function leadToServer(request, match, user) {
  tellNobody(request);
  if (/^(token|bearer) /i.test(request.headers.authorization ?? "")) {
    delete request.headers.cookie;
    return match;
  }
  const place = await placeOf(request);
  if (hasHostEach) {
    withoutCopy(request, user, place);
    return match;
  }
  if (isSignedIn(request, user, place)) return match;
  const hub = await this._routes.get("/");
  tell(request, "hub", place);
  return hub && { prefix: "/", target: hub.target };
}

const targetForReq = ConfigurableProxy.prototype.targetForReq;
ConfigurableProxy.prototype.targetForReq = async function (request) {
  const match = await targetForReq.call(this, request);
  if (hasHostEach && !this.proxy.listeners("proxyRes").includes(bindNew)) {
    this.proxy.on("proxyRes", bindNew);
  }
  const route = match && (await this._routes.get(match.prefix));
  if (route?.user !== undefined) return leadToServer.call(this, request, match, route.user);
  // The service asks after the place of sessions alone, and there is none without a cookie.
  if (route?.extra && !request.headers.cookie) tellNobody(request);
  else tell(request, route?.extra ? "service" : "hub", await placeOf(request));
  return match;
};
