// SPDX-License-Identifier: MIT
// toxiproxy_client.js - Toxiproxy's client for node, as it is published, does all it can to poolstorm proxy.
// toxiproxy_client.js POOLSTORM. Exits 77 (skipped) where the client is not installed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';

const client = await import('toxiproxy-node-client').catch(() => {
  console.log('skipped: toxiproxy-node-client is not installed: npm ci in tests/js');
  process.exit(77);
});
const { Toxiproxy, ToxiproxyError } = client.default;

// ---- What stands behind the proxies, and who calls ----

// Answers every byte with itself, half-closed connections included.
const echo = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
echo.listen(0, '127.0.0.1');
await once(echo, 'listening');
const upstream = `127.0.0.1:${echo.address().port}`;

async function connect(listen) {
  const colon = listen.lastIndexOf(':');
  const socket = net.connect({
    host: listen.slice(0, colon), port: Number(listen.slice(colon + 1)), allowHalfOpen: true,
  });
  await once(socket, 'connect');
  return socket;
}

// Sends, and resolves to what comes until as many bytes are there, or the end; rejects with errors.
function talk(socket, text, wanted = text.length) {
  return new Promise((resolve, reject) => {
    let got = '';
    socket.on('data', (data) => {
      got += data;
      if (got.length >= wanted) resolve(got);
    });
    socket.once('end', () => resolve(got));
    socket.once('error', reject);
    if (text) socket.write(text);
  });
}

async function roundTrip(listen, text = 'ping') {
  const begun = process.hrtime.bigint(); // a toxic may count from when the proxy has accepted
  const socket = await connect(listen);
  const got = await talk(socket, text);
  const ms = Number(process.hrtime.bigint() - begun) / 1e6;
  socket.destroy();
  return { got, ms };
}

const fails = (promise, status) => assert.rejects(promise, (error) => {
  assert(error instanceof ToxiproxyError);
  assert.equal(error.message, `Request failed with status code ${status}`);
  return true;
});
const refused = (listen) => assert.rejects(connect(listen), { code: 'ECONNREFUSED' });

// ---- The proxy ----

const program = spawn(process.argv[2], ['proxy', '--port', '0', '--seed', '1'],
  { stdio: ['ignore', 'pipe', 'inherit'] });
const ended = once(program, 'exit');
const [line] = await once(createInterface({ input: program.stdout }), 'line');
const toxiproxy = new Toxiproxy(`http://${line.match(/^poolstorm proxy: control on (\S+)$/)[1]}`);

let count = 0, told = false;
async function test(what, body) {
  await toxiproxy.reset();
  await body();
  count += 1;
  console.log(`ok ${count} - ${what}`);
}

try {
  let proxy;

  await test('says which release it is', async () => {
    assert.equal(await toxiproxy.getVersion(), '{"version": "2.12.0"}\n');
  });

  await test('makes proxies', async () => {
    assert.deepEqual(await toxiproxy.getAll(), {});
    proxy = await toxiproxy.createProxy({ name: 'echo', listen: '127.0.0.1:0', upstream });
    assert.match(proxy.listen, /^127\.0\.0\.1:[1-9]\d*$/);
    assert.deepEqual(proxy.toJson(),
      { enabled: true, listen: proxy.listen, name: 'echo', upstream });
    assert.equal((await roundTrip(proxy.listen)).got, 'ping');
    assert.deepEqual(Object.keys(await toxiproxy.getAll()), ['echo']);
    assert.deepEqual((await toxiproxy.get('echo')).toJson(), proxy.toJson());
  });

  await test('says what is wrong', async () => {
    await fails(toxiproxy.createProxy({ name: 'echo', listen: '127.0.0.1:0', upstream }), 409);
    await fails(toxiproxy.createProxy({ listen: '127.0.0.1:0', upstream }), 400);
    await fails(toxiproxy.createProxy({ name: 'two', listen: proxy.listen, upstream }), 500);
    await fails(toxiproxy.get('two'), 404);
    await fails(proxy.getToxic('none'), 404);
    await fails(proxy.update({ enabled: true, listen: 'nonsense', upstream }), 500);
    assert.deepEqual((await toxiproxy.get('echo')).toJson(), proxy.toJson());
    await fails(proxy.addToxic({ type: 'colour', attributes: {} }), 400);
    await fails(proxy.addToxic({ type: 'noop', stream: 'sideways', attributes: {} }), 400);
  });

  await test('delays, and changes the delay', async () => {
    const toxic = await proxy.addToxic({ type: 'latency', attributes: { latency: 250, jitter: 0 } });
    assert.deepEqual(toxic.toJson(), {
      attributes: { latency: 250, jitter: 0 }, name: 'latency_downstream', stream: 'downstream',
      toxicity: 1, type: 'latency',
    });
    assert((await roundTrip(proxy.listen)).ms >= 250);
    const changed = await toxic.update({ attributes: { latency: 400 }, toxicity: 1 });
    assert.deepEqual(changed.attributes, { latency: 400, jitter: 0 });
    assert((await roundTrip(proxy.listen)).ms >= 400);
    assert.deepEqual((await proxy.getToxic('latency_downstream')).toJson(), changed.toJson());
    await fails(proxy.addToxic({ type: 'latency', attributes: {} }), 409);
    await toxic.remove();
    await fails(toxic.remove(), 404);
    assert.equal((await roundTrip(proxy.listen)).got, 'ping');
  });

  await test('lets go at once of what a removed toxic holds', async () => {
    const toxic = await proxy.addToxic({ type: 'latency', attributes: { latency: 3600000 } });
    const socket = await connect(proxy.listen);
    const answer = talk(socket, 'ping');
    await toxic.remove();
    assert.equal(await answer, 'ping');
    socket.destroy();
  });

  await test('spares everybody at toxicity 0', async () => {
    await proxy.addToxic({ type: 'reset_peer', toxicity: 0, attributes: { timeout: 0 } });
    assert.equal((await roundTrip(proxy.listen)).got, 'ping');
  });

  await test('limits data', async () => {
    await proxy.addToxic({ type: 'limit_data', attributes: { bytes: 5 } });
    const socket = await connect(proxy.listen);
    assert.equal(await talk(socket, 'abcdefghij', Infinity), 'abcde');
    socket.destroy();
  });

  await test('slices', async () => {
    await proxy.addToxic({
      type: 'slicer', attributes: { average_size: 7, size_variation: 3, delay: 10 },
    });
    const text = 'abcdefghijklmnopqrstuvwxyz'.repeat(8);
    assert.equal((await roundTrip(proxy.listen, text)).got, text);
  });

  await test('keeps to a bandwidth', async () => {
    await proxy.addToxic({ type: 'bandwidth', attributes: { rate: 50 } });
    const text = 'x'.repeat(20000);
    const { got, ms } = await roundTrip(proxy.listen, text);
    assert.equal(got, text);
    assert(ms >= 200, `${ms} ms for 20 KB at 50 KB/s`);
  });

  await test('resets connections', async () => {
    await proxy.addToxic({ type: 'reset_peer', attributes: { timeout: 50 } });
    const socket = await connect(proxy.listen);
    await assert.rejects(talk(socket, 'ping'), { code: 'ECONNRESET' });
  });

  await test('resets a connection that was open before', async () => {
    const socket = await connect(proxy.listen);
    assert.equal(await talk(socket, 'ping'), 'ping');
    const gone = once(socket, 'error');
    await proxy.addToxic({ type: 'reset_peer', attributes: { timeout: 0 } });
    socket.write('pong');
    assert.equal((await gone)[0].code, 'ECONNRESET');
  });

  await test('drops data until a timeout', async () => {
    await proxy.addToxic({ type: 'timeout', attributes: { timeout: 100 } });
    const { got, ms } = await roundTrip(proxy.listen);
    assert.equal(got, '');
    assert(ms >= 99, `${ms} ms`);
  });

  await test('delays the close', async () => {
    await proxy.addToxic({ type: 'slow_close', attributes: { delay: 150 } });
    const socket = await connect(proxy.listen);
    const begun = process.hrtime.bigint();
    socket.end('ping');
    assert.equal(await talk(socket, '', Infinity), 'ping');
    assert(Number(process.hrtime.bigint() - begun) / 1e6 >= 149);
    socket.destroy();
  });

  await test('is disabled and enabled', async () => {
    const socket = await connect(proxy.listen);
    assert.equal(await talk(socket, 'ping'), 'ping');
    const gone = once(socket, 'close');
    socket.resume().on('error', () => {}).on('end', () => socket.end());
    const off = await proxy.update({ enabled: false, listen: proxy.listen, upstream });
    assert.equal(off.enabled, false);
    await gone;
    await refused(proxy.listen);
    const on = await proxy.update({ enabled: true, listen: proxy.listen, upstream });
    assert.deepEqual(on.toJson(), proxy.toJson());
    assert.equal((await roundTrip(proxy.listen)).got, 'ping');
  });

  await test('gets another upstream', async () => {
    const other = net.createServer((socket) => socket.end('other'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const elsewhere = `127.0.0.1:${other.address().port}`;
    const moved = await proxy.update({ enabled: true, listen: proxy.listen, upstream: elsewhere });
    assert.equal(moved.upstream, elsewhere);
    const socket = await connect(proxy.listen);
    assert.equal(await talk(socket, '', Infinity), 'other');
    socket.destroy();
    other.close();
    await proxy.update({ enabled: true, listen: proxy.listen, upstream });
    assert.equal((await roundTrip(proxy.listen)).got, 'ping');
  });

  await test('is populated', async () => {
    await proxy.addToxic({ type: 'noop', attributes: {} });
    const made = await toxiproxy.populate([
      { name: 'echo', listen: proxy.listen, upstream },
      { name: 'second', listen: '127.0.0.1:0', upstream },
    ]);
    assert.deepEqual(Object.keys(made), ['echo', 'second']);
    assert.equal((await proxy.getToxic('noop_downstream')).type, 'noop');
    assert.equal((await roundTrip(made.second.listen)).got, 'ping');
    await fails(toxiproxy.populate([{ name: 'third', upstream }, { name: 'fourth' }]), 400);
    await fails(toxiproxy.get('third'), 404);
    await made.second.remove();
    await refused(made.second.listen);
  });

  await test('is reset', async () => {
    await proxy.addToxic({ type: 'timeout', attributes: { timeout: 0 } });
    await proxy.update({ enabled: false, listen: proxy.listen, upstream });
    await toxiproxy.reset();
    await fails(proxy.getToxic('timeout_downstream'), 404);
    assert.equal((await toxiproxy.get('echo')).enabled, true);
    assert.equal((await roundTrip(proxy.listen)).got, 'ping');
  });

  await test('is removed', async () => {
    await proxy.remove();
    await fails(toxiproxy.get('echo'), 404);
    await fails(proxy.remove(), 404);
    await refused(proxy.listen);
    assert.deepEqual(await toxiproxy.getAll(), {});
  });

  await test('is made again where it was', async () => {
    const again = await toxiproxy.createProxy({ name: 'again', listen: proxy.listen, upstream });
    assert.equal(again.listen, proxy.listen);
    assert.equal((await roundTrip(again.listen)).got, 'ping');
    await again.remove();
  });

  await test('ends with connections that are held', async () => {
    const held = await toxiproxy.createProxy({ name: 'held', listen: '127.0.0.1:0', upstream });
    const socket = await connect(held.listen);
    assert.equal(await talk(socket, 'ping'), 'ping');
    await held.addToxic({ type: 'latency', attributes: { latency: 3600000 } });
    socket.on('error', () => {}).on('end', () => socket.end());
    const gone = once(socket, 'close');
    socket.write('pong');
    told = program.kill('SIGTERM');
    await gone;
  });
} finally {
  if (!told) program.kill('SIGTERM'); // twice would be an interruption
  echo.close();
}
const [code] = await ended;
assert.equal(code, 0, 'it ends well');
console.log(`1..${count}`);
