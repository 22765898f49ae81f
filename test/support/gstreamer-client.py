"""GStreamer's webrtcbin as a client of WHIP and WHEP.

gstreamer-client.py whip URL COLOUR HERTZ   sends a colour (as 0xAARRGGBB) and a tone
gstreamer-client.py whep URL X Y HERTZ      prints each second, as JSON: the colour at a point of the
                                            picture (fractions), its size, frames, the tone's level
"""

import json
import math
import struct
import sys
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)
mode, url = sys.argv[1:3]
loop = GLib.MainLoop()
seen = {"colour": None, "width": 0, "height": 0, "frames": 0, "level": -120.0}

SEND = """
  webrtcbin name=peer bundle-policy=max-bundle
  videotestsrc is-live=true pattern=solid-color foreground-color={colour}
    ! video/x-raw,width=640,height=360,framerate=30/1
    ! vp8enc deadline=1 keyframe-max-dist=60 ! rtpvp8pay picture-id-mode=15-bit
    ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! peer.
  audiotestsrc is-live=true freq={hertz} volume=0.2 ! audio/x-raw,rate=48000,channels=2
    ! opusenc ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.
"""


def post(peer, *_):
    """Once all candidates are known."""
    if peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        return
    offer = peer.get_property("local-description").sdp.as_text()
    request = urllib.request.Request(
        url, offer.encode(), {"Content-Type": "application/sdp"}, method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        print(json.dumps({"location": answer.headers["Location"]}), flush=True)
        _, sdp = GstSdp.SDPMessage.new_from_text(answer.read().decode())
    description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
    peer.emit("set-remote-description", description, Gst.Promise.new())


def offered(promise, peer):
    # The offer is the reply's, and gone with it.
    reply = promise.get_reply()
    peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())


def negotiate(peer):
    peer.emit("create-offer", None, Gst.Promise.new_with_change_func(offered, peer))


def on_picture(sink, x, y):
    sample = sink.emit("pull-sample")
    shape = sample.get_caps().get_structure(0)
    width, height = shape.get_value("width"), shape.get_value("height")
    ok, memory = sample.get_buffer().map(Gst.MapFlags.READ)
    if ok:
        stride = (width * 3 + 3) // 4 * 4
        at = int(y * height) * stride + int(x * width) * 3
        seen.update(colour=list(memory.data[at : at + 3]), width=width, height=height)
        seen["frames"] += 1
        sample.get_buffer().unmap(memory)
    return Gst.FlowReturn.OK


def on_sound(sink, hertz):
    sample = sink.emit("pull-sample")
    ok, memory = sample.get_buffer().map(Gst.MapFlags.READ)
    if ok:
        pcm = struct.unpack(f"<{len(memory.data) // 4}f", memory.data)
        angle = 2 * math.pi * hertz / 48000
        real = sum(value * math.cos(angle * i) for i, value in enumerate(pcm))
        imaginary = sum(value * math.sin(angle * i) for i, value in enumerate(pcm))
        amplitude = 2 * math.hypot(real, imaginary) / max(1, len(pcm))
        # The newest, smoothed over some buffers.
        seen["level"] = 0.7 * seen["level"] + 0.3 * 20 * math.log10(amplitude + 1e-6)
        sample.get_buffer().unmap(memory)
    return Gst.FlowReturn.OK


def receive(_, pad, pipeline, x, y, hertz):
    if pad.direction != Gst.PadDirection.SRC:
        return
    name = pad.get_current_caps().get_structure(0).get_value("encoding-name")
    chain = {
        "VP8": "rtpvp8depay ! vp8dec ! videoconvert ! video/x-raw,format=RGB",
        "OPUS": "rtpopusdepay ! opusdec ! audioconvert ! audioresample"
        " ! audio/x-raw,format=F32LE,rate=48000,channels=1",
    }[name]
    tail = Gst.parse_bin_from_description(
        f"queue ! {chain} ! appsink name=out emit-signals=true sync=false max-buffers=8 drop=true",
        True,
    )
    out = tail.get_by_name("out")
    if name == "OPUS":
        out.connect("new-sample", on_sound, hertz)
    else:
        out.connect("new-sample", on_picture, x, y)
    pipeline.add(tail)
    tail.sync_state_with_parent()
    pad.link(tail.get_static_pad("sink"))


def report():
    print(json.dumps(seen), flush=True)
    return True


if mode == "whip":
    colour, hertz = sys.argv[3:5]
    pipeline = Gst.parse_launch(SEND.format(colour=colour, hertz=hertz))
    peer = pipeline.get_by_name("peer")
    peer.connect("on-negotiation-needed", negotiate)
else:
    x, y, hertz = map(float, sys.argv[3:6])
    pipeline = Gst.Pipeline()
    peer = Gst.ElementFactory.make("webrtcbin", "peer")
    peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
    pipeline.add(peer)
    peer.connect("pad-added", receive, pipeline, x, y, hertz)
    for caps in (
        "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000",
        "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000,"
        "rtcp-fb-nack-pli=true",
    ):
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        peer.emit("add-transceiver", direction, Gst.Caps.from_string(caps))
    GLib.timeout_add(1000, report)
peer.connect("notify::ice-gathering-state", post)
for transceiver in range(2 if mode == "whip" else 0):
    peer.emit("get-transceiver", transceiver).set_property(
        "direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY
    )


def failed(_, message):
    if message.type == Gst.MessageType.ERROR:
        print(json.dumps({"error": message.parse_error()[0].message}), flush=True)
        loop.quit()


pipeline.get_bus().add_signal_watch()
pipeline.get_bus().connect("message", failed)
pipeline.set_state(Gst.State.PLAYING)
if mode == "whep":
    GLib.idle_add(negotiate, peer)
loop.run()
