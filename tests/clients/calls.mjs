// Calls every method with clients that nobody here wrote, and prints what each of them got.
//
// stdin: {"url", "descriptors" (a file: google.protobuf.FileDescriptorSet), "user", "sender"}, where
// `user` and `sender` are access tokens; only the sender may send. stdout: by client, what came back.

import { readFileSync } from "node:fs";
import { createFileRegistry, createRegistry, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, StructSchema, anyPack } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";
import grpcWeb from "grpc-web";
import XMLHttpRequest from "xhr2";

globalThis.XMLHttpRequest = XMLHttpRequest;

const asked = JSON.parse(readFileSync(0, "utf8"));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(asked.descriptors)));
const debug = registry.getService("grpc.pb.debug.DebugService");
const example = registry.getService("grpc.pb.example.ExampleService");
const health = registry.getService("grpc.health.v1.Health");

// Node's clients send no Accept, and API Gateway returns bytes only to clients that send one.
const accepting = (next) => (request) => {
  request.header.set("Accept", "*/*");
  return next(request);
};
// To write an Any as JSON, the registry must have the types that it may contain.
const jsonOptions = { registry: createRegistry(StructSchema) };
const nodeOptions = { baseUrl: asked.url, httpVersion: "1.1", jsonOptions };
const webOptions = { baseUrl: asked.url, jsonOptions };
const transports = {
  "connect-node, Connect, JSON": node.createConnectTransport({ ...nodeOptions, useBinaryFormat: false }),
  "connect-node, Connect, binary": node.createConnectTransport({
    ...nodeOptions, useBinaryFormat: true, interceptors: [accepting],
  }),
  "connect-node, gRPC-Web, binary": node.createGrpcWebTransport({ ...nodeOptions, interceptors: [accepting] }),
  "connect-node, gRPC-Web, JSON": node.createGrpcWebTransport({
    ...nodeOptions, useBinaryFormat: false, interceptors: [accepting],
  }),
  "connect-web, Connect, JSON": web.createConnectTransport(webOptions),
  "connect-web, Connect, binary": web.createConnectTransport({ ...webOptions, useBinaryFormat: true }),
  "connect-web, gRPC-Web": web.createGrpcWebTransport(webOptions),
};
const silent = {
  "connect-node, Connect, binary": node.createConnectTransport({ ...nodeOptions, useBinaryFormat: true }),
  "connect-node, gRPC-Web, binary": node.createGrpcWebTransport(nodeOptions),
};

const event = (data) => ({ event: "user_created", data });
const data = anyPack(StructSchema, create(StructSchema, {
  fields: { uuid: { kind: { case: "stringValue", value: "2bb58a19-2001-4a8b-a223-79b2ba7d5229" } } },
}));
const bearer = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

// A client is `call(service, method, message, token)`, which rejects with {code, message, details}.
function ofConnect(transport) {
  return async (service, method, message, token) => {
    try {
      return await createClient(service, transport)[method](message, { headers: bearer(token) });
    } catch (error) {
      const { code, rawMessage, details } = ConnectError.from(error);
      throw { code, message: rawMessage, details: details.map((detail) => detail.type) };
    }
  };
}

function ofGrpcWeb(format) {
  const client = new grpcWeb.GrpcWebClientBase({ format });
  return async (service, method, message, token) => {
    const { input, output, name } = service.method[method];
    const path = `/${service.typeName}/${name}`;
    const descriptor = new grpcWeb.MethodDescriptor(
      path, grpcWeb.MethodType.UNARY, Object, Object,
      (message) => toBinary(input, message), (bytes) => fromBinary(output, bytes),
    );
    const metadata = { ...bearer(token), Accept: "*/*" };
    try {
      return await client.unaryCall(asked.url + path, create(input, message), metadata, descriptor);
    } catch ({ code, message }) {
      throw { code, message };
    }
  };
}

const failure = (promise) => promise.then((answer) => ({ answered: answer }), (error) => error);

async function everything(call) {
  // A definition that the server does not have.
  const newer = { ...example, typeName: "grpc.pb.example.NewerService" };
  newer.methods = [{ ...example.method.getExample, parent: newer }];
  newer.method = { getExample: newer.methods[0] };
  return {
    example: (await call(example, "getExample", { exampleId: 7 }, asked.user)).exampleMessage,
    sent: await call(debug, "sendMessage", event(data), asked.sender),
    prototypeHealth: (await call(debug, "healthCheck", {})).status,
    health: (await call(health, "check", { service: "grpc.pb.debug.DebugService" })).status,
    nobody: await failure(call(example, "getExample", {})),
    notAllowed: await failure(call(debug, "sendMessage", event(data), asked.user)),
    noData: await failure(call(debug, "sendMessage", event(undefined), asked.sender)),
    unknownService: await failure(call(health, "check", { service: "nobody" })),
    unknownMethod: await failure(call(newer, "getExample", {}, asked.user)),
  };
}

const results = {};
for (const [name, transport] of Object.entries(transports)) {
  results[name] = await everything(ofConnect(transport));
}
for (const format of ["binary", "text"]) {
  results[`grpc-web, ${format}`] = await everything(ofGrpcWeb(format));
}
const withoutAccept = {};
for (const [name, transport] of Object.entries(silent)) {
  withoutAccept[name] = await failure(ofConnect(transport)(health, "check", {}));
}
console.log(JSON.stringify({ results, withoutAccept }));
