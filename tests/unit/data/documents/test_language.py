"""The language of a text."""

import pytest

from app.data.documents.language import language_of


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
def test_the_language_is_that_of_the_text(language: str, text: str) -> None:
    assert language_of([text]) == language
