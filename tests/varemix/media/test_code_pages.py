import pytest

from varemix.media.code_pages import decoded, likely_page, windows_page


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("Björk", "cp1252"),
        ("Jóga", "cp1252"),
        ("BJÖRK", "cp1252"),
        ("Sigur Rós – Ágætis byrjun", "cp1252"),
        ("Mötley Crüe", "cp1252"),
        ("Café Tacvba – Señorita", "cp1252"),
        ("Françoise Hardy – L’amitié", "cp1252"),
        ("Jørgen Ångström", "cp1252"),
        ("Antonín Dvořák – Rusalka", "cp1250"),
        ("Witold Lutosławski", "cp1250"),
        ("Tűz és víz – Kőház", "cp1250"),
        ("Кино – Группа крови", "cp1251"),
        ("Кино", "koi8_r"),
        ("Группа крови", "cp866"),
        ("Μίκης Θεοδωράκης", "cp1253"),
        ("Barış Manço", "cp1254"),
        ("Andrius Mamontovas – Šiaurės naktis, pusė penkių", "cp1257"),
        ("Björk Guðmundsdóttir", "cp1252"),
        ("Blue Öyster Cult", "mac_roman"),
        ("Déjà vu", "cp850"),
        ("宇多田ヒカル", "cp932"),
        ("坂本龍一 / 戦場のメリークリスマス", "cp932"),
        ("中島みゆき", "euc_jp"),
        ("周杰伦", "gb18030"),
        ("邓丽君 - 月亮代表我的心", "gb18030"),
        ("周杰倫", "big5"),
        ("陳奕迅 - 十年", "big5"),
        ("방탄소년단", "cp949"),
        ("조용필 - 돌아와요 부산항에", "cp949"),
    ],
)
def test_text_is_read_in_the_page_in_which_it_is_spelt_like_words(text: str, page: str) -> None:
    assert text.encode(page).decode(likely_page([text.encode(page)])) == text


def test_a_field_of_fixed_length_may_end_within_a_wide_character() -> None:
    title = "戦場のメリークリスマス".encode("cp932")
    assert decoded({"a": title[:-1], "b": "坂本龍一".encode("cp932")}) == {"a": "戦場のメリークリスマ", "b": "坂本龍一"}


def test_the_texts_of_a_file_are_of_one_page_but_for_what_is_utf_8() -> None:
    texts = {
        "artist": "Antonín Dvořák".encode("cp1250"),
        "title": "Für Elise".encode("cp1250"),
        "album": "Žluť".encode(),
    }
    assert decoded(texts) == {"artist": "Antonín Dvořák", "title": "Für Elise", "album": "Žluť"}


def test_what_is_declared_counts_before_all_else() -> None:
    assert decoded({"a": "Кино".encode("cp1251")}, declared="cp1252") == {"a": "Êèíî"}
    assert decoded({"a": "日本".encode("cp932")}, declared=windows_page(932)) == {"a": "日本"}


def test_a_field_of_fixed_length_may_end_within_a_character() -> None:
    assert decoded({"a": "Größe é".encode()[:-1]}) == {"a": "Größe "}


@pytest.mark.parametrize("content", [bytes(range(256)), b"\xff\xfe\x81\x8d", b"100 \xb0C"])
def test_any_bytes_become_text(content: bytes) -> None:
    assert "\ufffd" not in decoded({"a": content})["a"]


@pytest.mark.parametrize(
    ("number", "name"), [(1252, "cp1252"), (65001, "utf-8"), (10000, "mac-roman"), (0, None), (7, None)]
)
def test_code_pages_are_known_by_their_numbers(number: int, name: str | None) -> None:
    assert windows_page(number) == name
