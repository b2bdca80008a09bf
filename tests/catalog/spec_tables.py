"""The price tables of the specification, word for word, and a reader for them.

They are typed here, not taken from the shipped catalogue: the catalogue is tested against them.
"""

from __future__ import annotations

DEEPSEEK = """
| Slug | Input | Output | Category | Notes |
|---|---|---|---|---|
| deepseek-v4-pro | $2.40 | $4.00 | flagship | V4 family flagship |
| deepseek-v4-flash | $0.18 | $0.30 | fast | V4 family fast tier |
| deepseek-v3.2 | $2.16 | $3.24 | flagship | Latest flagship general model |
| deepseek-v3.2-thinking | $0.30 | $0.45 | reasoning | Reasoning-tuned V3.2 (very cheap) |
| deepseek-v3.1 | $4.32 | $12.96 | flagship | Previous flagship |
| deepseek-v3.1-terminus | $0.15 | $0.30 | balanced | Updated V3.1, very cheap |
| deepseek-v3 | $2.16 | $8.64 | balanced | Original V3 (Dec 2024) |
| deepseek-r1 | $4.32 | $17.28 | reasoning | First reasoning model |
| deepseek-r1-0528 | $0.59 | $1.81 | reasoning | Updated R1, May 2025 |
| deepseek-reasoner | $0.30 | $0.45 | reasoning | Reasoning-focused alias |
| deepseek-chat | $0.29 | $1.17 | balanced | Conversational alias |
| deepseek-ocr | $0.23 | $0.23 | fast | OCR model |
"""  # USD per 1M tokens (spec 000, 001)

MINIMAX = """
| Slug | Input | Output | Category | Public discount |
|---|---|---|---|---|
| MiniMax-M2.7 | $0.33 | $1.32 | balanced | −10% off API |
| MiniMax-M2.5 | $0.33 | $1.32 | balanced | −10% off API |
| MiniMax-M2.1 | $0.297 | $1.188 | balanced | −20% off API |
| MiniMax-M2 | $2.079 | $8.316 | flagship | −20% off API |
"""  # USD per 1M tokens (spec 000, 001)

IMAGES = """
| Model | Slug | Price / image | Notes |
|---|---|---|---|
| Nano Banana | nano-banana | $0.0312 | Fast text-to-image & image-to-image, 1K |
| Nano Banana 2 | nano-banana-2 | $0.0500 | Quality-value generation up to 2K |
| Nano Banana Pro | nano-banana-pro | $0.1072 | Higher quality, ~1K resolution |
| Nano Banana Pro 4K | nano-banana-pro-4k | $0.192 | 4K resolution |
| Grok 4 Image | grok-4-image | $0.0352 | xAI image generator |
| GPT Image 2 | gpt-image-2 | $0.0464 | OpenAI image, default 1K |
| GPT Image 1.5 | gpt-image-1-5 | $0.020 | OpenAI image (cheaper tier) |
| GPT-4o Image | gpt-4o-image | $0.040 | OpenAI 4o image |
| FLUX.2 Pro | flux-2-pro | $0.060 | Black Forest Labs FLUX.2 Pro 1K |
| FLUX.2 Flex | flux-2-flex | $0.180 | Premium quality 1K |
| Flux Kontext Pro | flux-kontext-pro | $0.080 | Text-to-image & edit |
| Flux Kontext Max | flux-kontext-max | $0.160 | Premium edit / generation |
| Seedream 4 | seedream-4 | $0.050 | ByteDance Seedream 4 |
| Seedream 4.5 | seedream-4-5 | $0.040 | ByteDance Seedream 4.5 |
| Seedream 5.0 Lite | seedream-5-0-lite | $0.035 | ByteDance Seedream 5.0 Lite |
| Z-Image | z-image | $0.020 | Alibaba Z-Image |
"""  # USD per returned image (spec 000, 001)

VIDEOS = """
| Family | Slug | Headline / video | Notes |
|---|---|---|---|
| OpenAI Sora 2 | sora-2-video | $0.060 | Sora 2, default 10s |
| OpenAI Sora 2 Pro | sora-2-pro-video | $1.000 | Premium quality, 10s |
| Sora 2 Official | sora-2-official | $0.480 | 8s, official API |
| Sora 2 Pro Official | sora-2-pro-official | $0.560 | 8s 1080p, official API |
| Google Veo 3.1 Lite | veo-3-1-lite | $0.100 | 720p / 1080p |
| Google Veo 3.1 Fast | veo-3-1-fast | $0.200 | Balanced 720p / 1080p |
| Google Veo 3.1 Quality | veo-3-1-quality | $1.200 | Flagship Google video |
| Kling 2.1 Pro | kling-2-1 | $0.405 | Standard / Pro / Master tiers, 5s or 10s, i2v |
| Kling 2.5 Turbo Pro | kling-2-5-turbo-pro | $0.315 | 5s or 10s, t2v / i2v |
| Kling 2.6 | kling-2-6 | $0.315 | Optional audio, 5s or 10s, t2v / i2v |
| Kling 3.0 | kling-3-0 | $0.504 | 720p / 1080p / 4K, audio, multi-shot to 15s |
| Kling O3 (Video) | kling-o3-video | $0.150 | Premium audio video, 5s |
| Kling 2.6 Motion Control | kling-2-6-motion-control | $0.504 | 720p / 1080p video-to-video |
| Kling 3.0 Motion Control | kling-3-0-motion-control | $0.756 | 720p / 1080p video-to-video |
| Kling AI Avatar Pro | kling-avatar-pro | $1.035 | 1080p lip-sync, up to 15s |
| Kling AI Avatar Standard | kling-avatar-standard | $0.506 | 720p lip-sync, up to 15s |
| Hailuo 02 | hailuo-02 | $0.200 | 768p, 6s default |
| Hailuo 2.3 | hailuo-2-3 | $0.350 | 768p 6s |
| Seedance 1.0 Pro | seedance-1-0-pro | $0.210 | ByteDance 720p 5s |
| Seedance 1.5 Pro | seedance-1-5-pro | $0.160 | ByteDance 720p 5s |
| Seedance 2 | seedance-2 | $0.200 | ByteDance 720p 5s |
| Alibaba Wan 2.2 Fast | wan-2-2-fast | $0.120 | 720p fast tier |
| Alibaba Wan 2.5 | wan-2-5 | $0.600 | 720p 5s |
| Alibaba Wan 2.6 | wan-2-6 | $0.800 | 720p 5s flagship |
| Wan Animate | wan-animate | $0.150 | 720p animation |
| Happy Horse | happy-horse | $0.160 | 720p |
| Grok Imagine Video | grok-imagine-video | $0.300 | xAI video, 6s |
| Runway Gen-4.5 | runway-gen-4-5 | $0.750 | Runway flagship 5s |
"""  # USD per delivered video at the default configuration (spec 000, 001)

# Chat models that the specification names without a price: "sold at 20% below vendor list price". The vendors' list
# prices, USD per 1M tokens.
LISTED = """
| Slug | Input | Cached | Output |
|---|---|---|---|
| claude-opus-4-7 | 5.00 | 0.50 | 25.00 |
| claude-opus-4-6 | 5.00 | 0.50 | 25.00 |
| claude-opus-4-5 | 5.00 | 0.50 | 25.00 |
| claude-sonnet-4-6 | 3.00 | 0.30 | 15.00 |
| claude-sonnet-4-5 | 3.00 | 0.30 | 15.00 |
| claude-haiku-4-5 | 1.00 | 0.10 | 5.00 |
| claude-sonnet-4-20250514 | 3.00 | 0.30 | 15.00 |
| gpt-5.5 | 5.00 | 0.50 | 30.00 |
| gpt-5.2 | 1.75 | 0.175 | 14.00 |
| gpt-5.2-pro | 21.00 | - | 168.00 |
| gpt-5.2-codex | 1.75 | 0.175 | 14.00 |
| gpt-5.1 | 1.25 | 0.125 | 10.00 |
| gpt-5 | 1.25 | 0.125 | 10.00 |
| o3 | 2.00 | 0.50 | 8.00 |
| o3-mini | 1.10 | 0.55 | 4.40 |
| gpt-4o | 2.50 | 1.25 | 10.00 |
| gpt-4o-mini | 0.15 | 0.075 | 0.60 |
| gpt-4.1 | 2.00 | 0.50 | 8.00 |
| gemini-3-pro | 2.00 | 0.20 | 12.00 |
| gemini-3-flash | 0.50 | 0.05 | 3.00 |
| gemini-2.5-pro | 1.25 | 0.125 | 10.00 |
| gemini-2.5-flash | 0.30 | 0.03 | 2.50 |
| grok-4 | 3.00 | 0.75 | 15.00 |
| grok-4.1-thinking | 0.20 | 0.05 | 0.50 |
| grok-4-fast | 0.20 | 0.05 | 0.50 |
| qwen-max | 1.60 | - | 6.40 |
| glm-4-plus | 0.69 | 0.345 | 0.69 |
"""

# Images that the specification names without a price, by the vendors' list price of one image: less 20 % as well.
LISTED_IMAGES = """
| Slug | Option | Value | Price |
|---|---|---|---|
| dall-e-3 | quality | standard | 0.04 |
| dall-e-3 | quality | hd | 0.08 |
| dall-e-2 | size | 256x256 | 0.016 |
| dall-e-2 | size | 512x512 | 0.018 |
| dall-e-2 | size | 1024x1024 | 0.02 |
| gemini-2.5-flash-image | image_size | 1K | 0.039 |
| gemini-3.1-flash-image | image_size | 0.5K | 0.045 |
| gemini-3.1-flash-image | image_size | 1K | 0.0672 |
"""


def rows(table: str) -> list[dict[str, str]]:
    """The rows of a table, by column name; code marks and dollar signs are taken off."""
    lines = [line.strip("|").split("|") for line in table.strip().splitlines()]
    names = [name.strip() for name in lines[0]]
    cells = [[cell.strip().strip("`").removeprefix("$") for cell in line] for line in lines[2:]]
    return [dict(zip(names, line, strict=True)) for line in cells]
