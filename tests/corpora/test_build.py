"""How the raw texts become corpora: sentences, paragraphs, splits by connected components."""

from hypothesis import given
from hypothesis import strategies as st

from lmlib.corpora.build import (
    blocks,
    connected_splits,
    everyday_pairs,
    novel,
    paragraphs,
    quatrains,
    sentences,
)


def cut(text: str) -> list[str]:
    return list(sentences(text))


def test_titles_and_initials_do_not_end_a_sentence():
    assert cut("Mr. and Mrs. J. F. Long went to St. James. They came back.") == [
        "Mr. and Mrs. J. F. Long went to St. James.",
        "They came back.",
    ]


def test_the_word_i_ends_a_sentence():
    assert cut("So am I. She is too.") == ["So am I.", "She is too."]


def test_a_quotation_mark_stays_with_the_sentence_it_closes():
    assert cut('"Is he married?" "Oh! single, my dear. Very!" She left.') == [
        '"Is he married?"',
        '"Oh! single, my dear.',
        'Very!"',
        "She left.",
    ]


def test_a_question_inside_a_sentence_does_not_end_it():
    assert cut('"How so? how can it affect them?" said he.') == [
        '"How so? how can it affect them?" said he.'
    ]


def test_no_is_an_abbreviation_only_before_a_number():
    assert cut("See No. 97 of it. No. He did not.") == ["See No. 97 of it.", "No.", "He did not."]


def test_a_stop_before_a_dash_ends_a_sentence():
    assert cut("It is so.—You know it—I do.") == ["It is so.—", "You know it—I do."]


@given(st.text(alphabet="ab AM.r?!\"—'", max_size=60))
def test_cutting_loses_nothing_but_single_spaces(text):
    assert "".join(cut(text)).replace(" ", "") == text.replace(" ", "")


def test_a_novel_loses_its_title_page_and_its_headings():
    raw = "EMMA\n\nBy Jane Austen\n\nCHAPTER I\n\nOne fine\nday--_so_.\n\n* * *\n\nTwo.\n\nFINIS\n"
    assert list(paragraphs(raw)) == ["One fine day—so.", "Two."]
    assert novel(raw) == ["One fine day—so.", "Two."]


@given(st.lists(st.integers()))
def test_blocks_keep_order_and_lose_nothing(items):
    train, valid, test = blocks(items)
    assert train + valid + test == items


@given(
    st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=3), min_size=1, max_size=60),
    st.integers(0, 3),
)
def test_lines_that_share_a_key_stay_together(keys, seed):
    splits = connected_splits(list(range(len(keys))), keys, seed)
    assert sorted(line for split in splits for line in split) == list(range(len(keys)))
    owned = [{key for line in split for key in keys[line]} for split in splits]
    assert not owned[0] & owned[1]
    assert not owned[0] & owned[2]
    assert not owned[1] & owned[2]


def test_pairs_that_share_a_sentence_through_others_stay_together():
    rows = [
        "1\tHi.\t9\t你好。",
        "2\tHello.\t9\t你好。",
        "2\tHello.\t8\t喂！",
        "3\thello\t7\t你好呀。",
    ]
    splits = everyday_pairs("\n".join(rows))
    assert sorted(map(len, splits)) == [0, 0, 4]


def test_broken_poems_and_invisible_characters_are_left_out():
    good = "床前明月光，疑是地上霜。举头望明月，低头思故乡。"
    rows = [f"李白\t静夜思\t{good}", f"李白\t又\t{good}", f"某\t残\t{good.replace('月', '□')}"]
    rows += [f"某\t句\t{good.replace('月', '日')}", "某\t短\t床前明月光。"]
    assert [poem for split in quatrains("\n".join(rows)) for poem in split] == [good]
    pairs = everyday_pairs("1\tA\u200b  b.\t2\t你\xad好。")
    assert [pair for split in pairs for pair in split] == [("A b.\t你好。", "1\t2")]
