"""
aiortc as a WHIP or WHEP client whose HTTP requests the test makes: prints its offer as one line of JSON, reads
the answer as one, and then prints every 200 ms what it has received. Sends a colour and silence.
"""

import asyncio
import json
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av import VideoFrame

YUV = {"red": (81, 90, 240), "green": (145, 54, 34), "blue": (41, 240, 110)}
seen = {"frames": 0, "width": 0, "height": 0, "state": "new"}


class Colour(VideoStreamTrack):
    def __init__(self, name):
        super().__init__()
        self.planes = YUV[name]

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(width=320, height=180, format="yuv420p")
        for plane, value in zip(frame.planes, self.planes):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


async def watch(track):
    try:
        while True:
            frame = await track.recv()
            if track.kind != "video":
                continue
            seen["frames"] += 1
            seen["width"], seen["height"] = frame.width, frame.height
    except MediaStreamError:
        pass


async def main():
    kind, colour = sys.argv[1], sys.argv[2]
    pc = RTCPeerConnection()
    if kind == "whip":
        pc.addTrack(AudioStreamTrack())
        pc.addTrack(Colour(colour))
    else:
        pc.addTransceiver("audio", direction="recvonly")
        pc.addTransceiver("video", direction="recvonly")
    pc.on("track", lambda track: asyncio.ensure_future(watch(track)))
    await pc.setLocalDescription(await pc.createOffer())
    print(json.dumps({"offer": pc.localDescription.sdp}), flush=True)
    line = await asyncio.get_event_loop().run_in_executor(None, sys.stdin.readline)
    answer = RTCSessionDescription(json.loads(line)["answer"], "answer")
    await pc.setRemoteDescription(answer)
    while True:
        seen["state"] = pc.connectionState
        print(json.dumps(seen), flush=True)
        await asyncio.sleep(0.2)


asyncio.run(main())
