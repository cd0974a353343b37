"""A client of WHEP and WHIP with aiortc, a stack of WebRTC that shares no code with browsers or str0m.

    client.py watch URL            prints the size of the pictures and the number of samples when it has some of both
    client.py publish URL TOKEN    sends a grey picture and silence until its standard input ends
"""

import asyncio
import json
import sys
import urllib.parse
import urllib.request

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

PICTURES = 20
SOUNDS = 50


async def negotiate(connection, url, token=None):
    """Posts the offer; returns the URL of the session."""
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"Content-Type": "application/sdp"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = connection.localDescription.sdp.encode()
    request = urllib.request.Request(url, body, headers, method="POST")
    with await asyncio.to_thread(urllib.request.urlopen, request) as answer:
        assert answer.status == 201, answer.status
        session = urllib.parse.urljoin(url, answer.headers["Location"])
        sdp = answer.read().decode()
    await connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
    return session


async def end(connection, session, token=None):
    """Ends the session."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(session, headers=headers, method="DELETE")
    with await asyncio.to_thread(urllib.request.urlopen, request) as answer:
        assert answer.status == 200, answer.status
    await connection.close()


async def watch(url):
    connection = RTCPeerConnection()
    video, audio = [connection.addTransceiver(kind, direction="recvonly").receiver for kind in ("video", "audio")]
    session = await negotiate(connection, url)
    pictures = [await video.track.recv() for _ in range(PICTURES)]
    samples = sum([(await audio.track.recv()).samples for _ in range(SOUNDS)])
    times = [picture.pts for picture in pictures]
    assert times == sorted(times), times
    print(json.dumps({"width": pictures[-1].width, "height": pictures[-1].height, "samples": samples}), flush=True)
    await end(connection, session)


async def publish(url, token):
    connection = RTCPeerConnection()
    for track in (VideoStreamTrack(), AudioStreamTrack()):
        connection.addTransceiver(track, direction="sendonly")
    session = await negotiate(connection, url, token)
    await asyncio.to_thread(sys.stdin.read)
    await end(connection, session, token)


if __name__ == "__main__":
    asyncio.run({"watch": watch, "publish": publish}[sys.argv[1]](*sys.argv[2:]))
