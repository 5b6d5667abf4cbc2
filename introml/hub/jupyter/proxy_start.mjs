// Loaded before configurable-http-proxy (`node --import`): where it listens, whom it lets pass, and
// how it speaks to the Unix sockets behind.

import http from "node:http";
import net from "node:net";
import ConfigurableProxy from "../../../node_modules/configurable-http-proxy/lib/configproxy.js";

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

// Where all students' servers have the hub's own host name, what a student's server shows can do
// whatever the reader's browser can. So only the browser of someone who is signed in as that student
// gets there; all others meet the hub, as if that server did not run. A program that shows a token
// is no browser: no page can be opened with that header.
const signedInAs = "introml-signed-in-as";

function mayPass(request, user) {
  if (request.headers.authorization) return true;
  return (request.headers.cookie ?? "")
    .split(";")
    .some((one) => one.trim() === `${signedInAs}=${encodeURIComponent(user)}`);
}

if (!process.argv.includes("--host-routing")) {
  const targetForReq = ConfigurableProxy.prototype.targetForReq;
  ConfigurableProxy.prototype.targetForReq = async function (request) {
    const match = await targetForReq.call(this, request);
    const user = match && (await this._routes.get(match.prefix))?.user;
    if (user === undefined || mayPass(request, user)) return match;
    const hub = await this._routes.get("/");
    return hub && { prefix: "/", target: hub.target };
  };
}
