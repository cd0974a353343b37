// @ts-check
// A network that loses and delays datagrams, between clients and a UDP port of this machine. It does in this process what netem
// does in Linux, which not every kernel contains.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

const HERE = '127.0.0.1';

export class Network {
  /** Share of the datagrams that are lost, in each direction. */
  loss = 0;
  /** Shortest and longest delay of a datagram in each direction. Datagrams overtake each other. @type {[shortest: number, longest: number]} */
  delayMs = [0, 0];
  /** Datagrams in both directions so far. */
  lost = 0;
  passed = 0;
  #front = createSocket('udp4');
  /** For each client, the socket that sends to the server. @type {Map<string, import('node:dgram').Socket>} */
  #clients = new Map();

  /** @param {number} port at which the server listens @returns {Promise<Network>} */
  static async before(port) {
    const network = new Network();
    const front = network.#front;
    front.on('message', (datagram, { address, port: from }) => {
      const key = `${address} ${from}`;
      const back = network.#clients.get(key) ?? createSocket('udp4').on('message', (answer) => {
        network.#carry(() => front.send(answer, from, address));
      });
      network.#clients.set(key, back);
      network.#carry(() => back.send(datagram, port, HERE));
    });
    front.bind(0, HERE);
    await once(front, 'listening');
    return network;
  }

  /** The port at which clients reach the server. */
  get port() {
    return this.#front.address().port;
  }

  /** Loses every datagram for some seconds. @param {number} seconds @returns {Promise<number>} Unix time in ms at the end */
  async cut(seconds) {
    const before = this.loss;
    this.loss = 1;
    await pause(seconds * 1000);
    this.loss = before;
    return Date.now();
  }

  close() {
    for (const socket of [this.#front, ...this.#clients.values()]) socket.close();
    this.#clients.clear();
    this.loss = 1;
  }

  /** @param {() => void} send */
  #carry(send) {
    if (Math.random() < this.loss) {
      this.lost += 1;
      return;
    }
    this.passed += 1;
    const [shortest, longest] = this.delayMs;
    if (longest === 0) send();
    // A datagram is lost if the network is closed meanwhile.
    else setTimeout(() => this.loss < 1 && send(), shortest + Math.random() * (longest - shortest));
  }
}
