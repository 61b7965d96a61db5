"""Every kind of picture file is read as what it shows, or refused in one sentence that names it."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from mmreg.arrays import InputError
from mmreg.data.photographs import (
    PhotographError,
    list_photographs,
    main_face,
    read_photograph,
)
from mmreg.encoders.alignment import Detection

RAMP = np.linspace(0, 255, 30 * 20 * 3).reshape(20, 30, 3).astype(np.uint8)


@pytest.fixture
def ramp(tmp_path):
    """Saves the ramp, converted to a mode, and returns its path."""

    def save(mode="RGB", suffix=".png", **options):
        path = tmp_path / f"ramp{suffix}"
        Image.fromarray(RAMP).convert(mode).save(path, **options)
        return path

    return save


def test_colours_are_read_as_they_are(ramp):
    image = read_photograph(ramp())
    assert image.dtype == np.float32
    np.testing.assert_allclose(image * 255, RAMP, atol=1e-4)


def test_grey_has_equal_channels(ramp):
    image = read_photograph(ramp("L"))
    assert image.shape == (20, 30, 3)
    assert (image[..., 0] == image[..., 1]).all()
    assert (image[..., 0] == image[..., 2]).all()
    np.testing.assert_allclose(image[..., 0] * 255, RAMP @ [0.299, 0.587, 0.114], atol=1)


def test_sixteen_bits_of_grey_are_kept(tmp_path):
    values = np.arange(600, dtype=np.uint16).reshape(20, 30) * 109
    Image.fromarray(values).save(tmp_path / "deep.png")
    np.testing.assert_allclose(read_photograph(tmp_path / "deep.png")[..., 1] * 65535, values, atol=0.01)


def test_a_large_picture_of_sixteen_bits_is_reduced(tmp_path):
    Image.fromarray(np.full((50, 3000), 40000, np.uint16)).save(tmp_path / "deep.tiff")
    image = read_photograph(tmp_path / "deep.tiff", longest_side=300)
    assert image.shape == (5, 300, 3)
    np.testing.assert_allclose(image, 40000 / 65535, atol=1e-5)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_lies_on_white(tmp_path, mode):
    picture = Image.new(mode, (4, 4), 0)
    picture.putpixel((1, 2), (0, 0, 0, 255) if mode == "RGBA" else (0, 255))
    picture.save(tmp_path / "clear.png")
    image = read_photograph(tmp_path / "clear.png")
    assert image[2, 1].max() == 0
    assert image.sum() == 3 * 15


def test_a_palette_and_its_transparent_colour_are_obeyed(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "opaque.png")
    picture.save(tmp_path / "clear.png", transparency=0)
    np.testing.assert_array_equal(read_photograph(tmp_path / "opaque.png"), [[[1, 0, 0], [0, 0, 1]]])
    np.testing.assert_array_equal(read_photograph(tmp_path / "clear.png"), [[[1, 1, 1], [0, 0, 1]]])


def test_cmyk_and_black_and_white_become_rgb(ramp):
    image = read_photograph(ramp("CMYK", ".jpg", quality=95))
    np.testing.assert_allclose(image * 255, RAMP, atol=12)
    assert set(np.unique(read_photograph(ramp("1")))) == {0.0, 1.0}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_picture_is_read_upright(tmp_path, orientation):
    """A corner that is bright upright is bright in what is read, wherever the file stores it."""
    upright = np.zeros((20, 30), np.uint8)
    upright[:5, :5] = 255
    # how the file stores what a viewer turns back, by EXIF 2.3, table 4.6.4
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_photograph(tmp_path / "turned.png")[..., 0] * 255, upright)


def test_a_colour_profile_is_converted_to_srgb(ramp):
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_allclose(read_photograph(ramp(icc_profile=srgb)) * 255, RAMP, atol=1.01)
    for useless in (linear, b"no profile"):
        np.testing.assert_allclose(read_photograph(ramp(icc_profile=useless)).shape, RAMP.shape)


def test_one_pixel_is_a_picture(tmp_path):
    Image.new("RGB", (1, 1), (255, 0, 51)).save(tmp_path / "one.png")
    np.testing.assert_allclose(read_photograph(tmp_path / "one.png"), [[[1, 0, 0.2]]], atol=1e-6)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_of_12000_pixels_is_reduced_in_proportion(tmp_path, suffix):
    Image.new("RGB", (12_000, 3_000), (200, 100, 50)).save(tmp_path / f"wide{suffix}")
    image = read_photograph(tmp_path / f"wide{suffix}", longest_side=1000)
    assert image.shape == (250, 1000, 3)
    np.testing.assert_allclose(image * 255, np.broadcast_to([200, 100, 50], image.shape), atol=2)


def test_a_line_of_12000_pixels_keeps_its_one_row(tmp_path):
    Image.new("RGB", (12_000, 1)).save(tmp_path / "line.png")
    assert read_photograph(tmp_path / "line.png", longest_side=1000).shape == (1, 1000, 3)


def test_a_large_transparent_picture_is_reduced_without_a_dark_fringe(tmp_path):
    picture = Image.new("RGBA", (3000, 100), (0, 0, 0, 0))
    picture.paste((255, 128, 0, 255), (0, 0, 1500, 100))
    picture.save(tmp_path / "clear.png")
    image = read_photograph(tmp_path / "clear.png", longest_side=300)
    np.testing.assert_allclose(image[:, :140], np.broadcast_to([1, 128 / 255, 0], (10, 140, 3)), atol=0.01)
    assert image[:, 160:].min() > 0.99
    assert image[..., 0].min() > 0.99  # red on both sides: nothing of the transparent black shines through


def test_a_picture_too_large_for_memory_is_refused_before_it_is_decoded(ramp, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)  # half of what is refused
    with pytest.raises(PhotographError, match=r"ramp\.png has too many pixels"):
        read_photograph(ramp())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".webp", ".gif", ".bmp"])
def test_a_truncated_picture_is_refused_by_its_name(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, format={".jpg": "JPEG", ".tiff": "TIFF"}.get(suffix, suffix[1:]))
    path = tmp_path / f"cut{suffix}"
    for part in (0.02, 0.5, 0.9):
        path.write_bytes(whole.getvalue()[: int(part * len(whole.getvalue()))])
        with pytest.raises(PhotographError, match=r"cut\."):
            read_photograph(path)


def test_what_is_no_picture_is_refused_by_its_name(tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture at all, " * 50)
    (tmp_path / "empty.jpg").touch()
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "float.tiff")
    for name, reason in {
        "text.jpg": "not a picture",
        "empty.jpg": "empty",
        "absent.jpg": "doesn't exist",
        "float.tiff": "floating-point",
        "": "folder",
    }.items():
        with pytest.raises(InputError, match=reason) as refusal:
            read_photograph(tmp_path / name)
        assert str(tmp_path / name) in str(refusal.value)
        assert isinstance(refusal.value, PhotographError)


def test_folders_are_searched_and_each_file_is_listed_once(tmp_path):
    for name in ("b/two.PNG", "a.jpg", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = list_photographs([tmp_path / "b" / "notes.txt", tmp_path, tmp_path / "a.jpg"])
    assert found == [tmp_path / "b" / "notes.txt", tmp_path / "a.jpg", tmp_path / "b" / "two.PNG"]


def test_a_folder_without_pictures_and_an_absent_path_are_refused(tmp_path):
    with pytest.raises(PhotographError, match="no pictures"):
        list_photographs([tmp_path])
    with pytest.raises(PhotographError, match="absent"):
        list_photographs([tmp_path / "absent"])


def test_the_main_face_is_large_and_near_the_centre():
    def face(x, y, size):
        return Detection(np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2]), 1.0, np.zeros((5, 2)))

    centre, small, corner = face(100, 100, 60), face(100, 95, 30), face(30, 30, 62)
    assert main_face([corner, centre, small], (200, 200)) is centre
    assert main_face([], (200, 200)) is None
