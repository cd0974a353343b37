"""A WHIP server with aiortc, a stack of WebRTC that shares no code with browsers or str0m.

    server.py TOKEN    prints its port, then the size of the pictures and the number of samples when it has some of both, and
                       `"ended"` when the client has ended the session. Then it ends.
"""

import asyncio
import json
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription

PICTURES = 50
SOUNDS = 50
SESSION = "/sessions/1"


def report(what):
    print(json.dumps(what), flush=True)


class Server:
    def __init__(self, token):
        self.token = token
        self.connection = None
        self.ended = asyncio.Event()

    async def receive(self, tracks):
        video, audio = (next(track for track in tracks if track.kind == kind) for kind in ("video", "audio"))
        pictures, sounds = await asyncio.gather(take(video, PICTURES), take(audio, SOUNDS))
        times = [picture.pts for picture in pictures]
        assert times == sorted(times), times
        size = {"width": pictures[-1].width, "height": pictures[-1].height}
        report(size | {"samples": sum(sound.samples for sound in sounds)})

    async def answer(self, offer):
        self.connection = RTCPeerConnection()
        tracks = []
        self.connection.on("track", tracks.append)
        await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        self.receiving = asyncio.create_task(self.receive(tracks))
        return self.connection.localDescription.sdp

    async def handle(self, reader, writer):
        method, path, _ = (await reader.readline()).decode().split(" ")
        headers = {}
        while line := (await reader.readline()).decode().strip():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
        if headers.get("authorization") != f"Bearer {self.token}":
            reply(writer, "401 Unauthorized")
        elif method == "POST" and headers.get("content-type") == "application/sdp":
            more = f"Content-Type: application/sdp\r\nLocation: {SESSION}\r\n"
            reply(writer, "201 Created", more, await self.answer(body))
        elif method == "DELETE" and path == SESSION:
            reply(writer, "200 OK")
            self.ended.set()
        else:
            reply(writer, "404 Not Found")
        await writer.drain()
        writer.close()


async def take(track, count):
    return [await track.recv() for _ in range(count)]


def reply(writer, status, more="", body=""):
    head = f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n"
    writer.write((head + body).encode())


async def main(token):
    server = Server(token)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    report(listening.sockets[0].getsockname()[1])
    await server.ended.wait()
    await server.receiving
    await server.connection.close()
    report("ended")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
