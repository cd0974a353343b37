// @ts-check
// webrtcbin of GStreamer, a stack of WebRTC that shares no code with browsers, watches by WHEP and publishes by WHIP.

import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Server } from './players/server.mjs';
import { testWebrtcClient } from './players/webrtc_client.mjs';

const server = await Server.small();
after(() => server.stop());

testWebrtcClient('webrtcbin', ['/usr/bin/python3', fileURLToPath(new URL('gstreamer/client.py', import.meta.url))], server);
