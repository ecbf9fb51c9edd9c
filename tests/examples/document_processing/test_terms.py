"""Key terms, languages and words."""

import pytest

from examples.document_processing.language import language_of
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


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The bees of the cluster hold each other warm and eat the honey that they stored in autumn."),
        ("de", "Die Bienen halten einander warm und fressen den Honig, den sie im Herbst gesammelt haben."),
        ("fr", "Les abeilles se tiennent chaud et mangent le miel qu'elles ont récolté pendant l'automne."),
        ("es", "Las abejas se mantienen calientes y comen la miel que han recogido durante el otoño."),
        ("it", "Le api si tengono calde e mangiano il miele che hanno raccolto durante l'autunno."),
        ("pt", "As abelhas se mantêm quentes e comem o mel que elas colheram durante o outono."),
        ("nl", "De bijen houden elkaar warm en eten de honing die ze in de herfst hebben verzameld."),
        ("sv", "Bina håller varandra varma och äter honungen som de har samlat under hösten."),
        ("ru", "Пчёлы держатся вместе и едят мёд, собранный осенью."),
        ("uk", "Бджоли тримаються разом і їдять мед, зібраний восени."),
        ("el", "Οι μέλισσες τρώνε το μέλι που μάζεψαν το φθινόπωρο."),
        ("ar", "يأكل النحل العسل الذي جمعه في الخريف"),
        ("ja", "ミツバチは秋に集めた蜂蜜を食べます。"),
        ("zh", "蜜蜂在冬天吃秋天采集的蜂蜜。"),
        ("und", "4711 0815"),
        ("und", "xyzzy plugh quux frobnicate blorb"),
    ],
)
def test_the_language_is_told_by_common_words_or_script(language: str, text: str) -> None:
    assert language_of([text]) == language
