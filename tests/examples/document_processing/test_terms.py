"""Key terms and words."""

import pytest

from examples.document_processing.terms import Corpus, count_documents, count_terms, key_terms, share_found, words

TEXT = ["The solar panels stand on the roof. Solar panels make current; the current of the solar panels is sold."]


def test_key_terms_are_frequent_here_and_rare_in_the_corpus() -> None:
    corpus = count_documents([{"current": 3, "roof": 1}, {"current": 1}, {"current": 1, "sold": 1}])
    assert corpus == Corpus(3, {"current": 3, "roof": 1, "sold": 1})
    found = key_terms(count_terms(TEXT, "en"), corpus, 3)
    assert [term for term, _ in found] == ["solar panels", "stand", "current"]
    assert found[0][1] == pytest.approx(5.008, abs=0.001)  # (1 + ln 3) (ln 4 + 1)


def test_stop_words_numbers_and_words_of_two_letters_are_no_terms() -> None:
    assert count_terms(["It is an ox of 1200 kg, and 東京 is not."], "en") == {"東京": 1}


def test_a_known_term_is_found_alone_or_in_a_pair() -> None:
    assert share_found(["Solar", "solar panels", "roof", "inverter"], ["solar panels", "roof"]) == 0.75


def test_words_keep_their_apostrophes_and_hyphens() -> None:
    assert list(words(["Don’t e-mail 3.5 kg", "à l'eau"])) == ["Don’t", "e-mail", "3.5", "kg", "à", "l'eau"]
